/*
 * silence.h -- writing a frame of silence to a channel, for the media bugs to put something in its place.
 */
#ifndef MODULE_SILENCE_H
#define MODULE_SILENCE_H

#include "abi.h"

/* The codecs that a thread's silence has needed so far: one for each rate, packet time and number of channels. They
 * describe pcm16 and keep no state, so that channels can share them. Zeroed at first; one thread's own. */
struct silences {
    struct silence *first;
};

/* Writes one frame of the channel's present codec, as an application that plays something does, with the session
 * held by the caller. Returns its packet time in ns, or 0 if the channel takes no frame now. */
uint64_t silences_write(struct silences *silences, switch_core_session_t *session);
void silences_free(struct silences *silences);

#endif
