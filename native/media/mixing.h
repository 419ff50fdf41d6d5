/*
 * mixing.h -- what becomes of the channels of a frame where the stream has another number of them.
 */
#ifndef MEDIA_MIXING_H
#define MEDIA_MIXING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* audio/capture.py has the same numbers, and says when. */
enum mixing { MIXING_NONE, MIXING_MEAN, MIXING_SUM, MIXING_DOUBLE };

/* Whether so many channels can be mixed like that. */
bool mixing_is_sound(int mixing, unsigned channels);
/* How many channels come of so many. */
unsigned mixing_channels(enum mixing mixing, unsigned channels);
/* Whole sample frames, which may become twice as much. Returns how many bytes they are then. */
size_t mixing_apply(enum mixing mixing, const int16_t *from, size_t bytes, int16_t *to);

#endif
