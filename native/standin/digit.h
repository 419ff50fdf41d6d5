/*
 * digit.h -- digits that a caller keys in.
 */
#ifndef STANDIN_DIGIT_H
#define STANDIN_DIGIT_H

#include "session.h"

#pragma GCC visibility push(hidden)

/* Each so long, in samples at 8 kHz. Returns how many wait for an application to take them. */
unsigned digit_key(struct session *session, const char *digits, uint32_t samples, switch_dtmf_source_t source);

#pragma GCC visibility pop

#endif
