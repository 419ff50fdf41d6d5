/*
 * digits.h -- what the caller keys in, on its way to the engine.
 *
 * FreeSWITCH tells it on the thread that has received the digit, which may be the media thread (RFC 2833 and 4733) or
 * one of SIP (INFO): there it is only copied. The lookout sends it, so it may be told 40 ms late. Digits stay the
 * channel's: applications get them as ever.
 */
#ifndef MODULE_DIGITS_H
#define MODULE_DIGITS_H

#include "link.h"

/* Whoever opens a stream, once the link has it: from now on digits are told. False: there is no memory. */
bool digits_watch(switch_core_session_t *session);
/* The service thread's: a stream has closed. Without one digits are of no interest, and FreeSWITCH must know no function
 * of ours when the module is unloaded. */
void digits_forget(struct link *link);
/* The lookout's, with each round: sends what has come. */
void digits_send(void);

#endif
