/*
 * action.h -- carrying out what the engine asks for: FreeSWITCH's functions that do it.
 */
#ifndef MODULE_ACTION_H
#define MODULE_ACTION_H

#include "execution.h"

/* On an executor's thread, for as long as it takes. Takes the execution over. */
void action_carry_out(struct execution *execution);

#endif
