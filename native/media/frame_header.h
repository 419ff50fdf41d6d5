/*
 * frame_header.h -- how much of a client's WebSocket frame lies before its payload (RFC 6455, section 5.2).
 */
#ifndef MEDIA_FRAME_HEADER_H
#define MEDIA_FRAME_HEADER_H

#include <stddef.h>
#include <stdint.h>

/* Of the lengths that the second byte tells: these say that the length follows, in so many bits. */
enum { LENGTH_16 = 126, LENGTH_64 = 127 };

static inline size_t frame_header_bytes(size_t payload_bytes)
{
    return payload_bytes < LENGTH_16 ? 6 : payload_bytes <= UINT16_MAX ? 8 : 14;
}

#endif
