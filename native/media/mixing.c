/* mixing.c -- see mixing.h. */
#include "mixing.h"

#include <string.h>

bool mixing_is_sound(int mixing, unsigned channels)
{
    switch (mixing) {
    case MIXING_NONE:
        return true;
    case MIXING_MEAN:
    case MIXING_SUM:
        return channels == 2;
    case MIXING_DOUBLE:
        return channels == 1;
    default:
        return false;
    }
}

unsigned mixing_channels(enum mixing mixing, unsigned channels)
{
    return mixing == MIXING_NONE ? channels : mixing == MIXING_DOUBLE ? 2 : 1;
}

static int16_t within_range(int32_t sample)
{
    return (int16_t)(sample > INT16_MAX ? INT16_MAX : sample < INT16_MIN ? INT16_MIN : sample);
}

size_t mixing_apply(enum mixing mixing, const int16_t *from, size_t bytes, int16_t *to)
{
    size_t samples = bytes / sizeof(*from);

    switch (mixing) {
    case MIXING_MEAN:
        for (size_t i = 0; i + 1 < samples; i += 2) {
            to[i / 2] = (int16_t)((from[i] + from[i + 1]) >> 1);
        }
        return bytes / 2;
    case MIXING_SUM:
        for (size_t i = 0; i + 1 < samples; i += 2) {
            to[i / 2] = within_range(from[i] + from[i + 1]);
        }
        return bytes / 2;
    case MIXING_DOUBLE:
        for (size_t i = 0; i < samples; i++) {
            to[2 * i] = to[2 * i + 1] = from[i];
        }
        return 2 * bytes;
    case MIXING_NONE:
        break;
    }
    memcpy(to, from, bytes);
    return bytes;
}
