/*
 * switch.h -- FreeSWITCH's ABI, from the switch's side: what abi.h declares is shown to modules however this is built.
 */
#ifndef STANDIN_SWITCH_H
#define STANDIN_SWITCH_H

#pragma GCC visibility push(default)
#include "abi.h"
#pragma GCC visibility pop

#endif
