/*
 * what an engine sends to the module: however it is cut into pieces, the same messages come out of it, or it
 * is refused.
 */
#include "fuzz.h"

#include "link_receive.c"

void log_line(const char *file, const char *function, int line, const char *uuid, switch_log_level_t level,
              const char *format, ...)
{
    (void)file, (void)function, (void)line, (void)uuid, (void)level, (void)format;
}

struct outcome {
    bool good;
    unsigned handled;
    uint64_t sum;
};

static struct outcome outcome;

/* As the module's own handlers look at a message. */
static void look(struct link *link, const struct message *message)
{
    static const char *const names[] = {"text", "level", "subclass", "body", "name", "failure", "capture"};
    uint64_t sum = message->header.type * 31u + message->header.stream * 7u + message->header.request;
    char room[65];

    (void)link;
    CHECK(message->body[message->header.body_bytes] == '\0');
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct wire_value value = wire_find(message->body, message->header.body_bytes, names[i]);

        wire_copy(value, room, sizeof(room));
        sum = sum * 131 + wire_to_number(value, (uint32_t)strlen(room));
    }
    for (uint32_t i = 0; i < message->header.body_bytes; i++) {
        sum = sum * 33 + message->body[i];
    }
    outcome.handled++;
    outcome.sum = outcome.sum * 65599 + sum;
}

static bool receive(struct link *link, const uint8_t *bytes, size_t size)
{
    if (!link_grow(link, link->received_bytes + size)) {
        return false;
    }
    memcpy(link->received + link->received_bytes, bytes, size);
    link->received_bytes += size;
    return link_parse(link, look);
}

static struct outcome feed(const uint8_t *bytes, size_t size, size_t piece)
{
    static struct link link;

    memset(&link, 0, sizeof(link));
    pthread_mutex_init(&link.lock, NULL);
    pthread_cond_init(&link.changed, NULL);
    link.request = link.waiting = 7;
    outcome = (struct outcome){.good = true};
    for (size_t at = 0; at < size && outcome.good; at += piece) {
        outcome.good = receive(&link, bytes + at, piece < size - at ? piece : size - at);
    }
    while (link.inbox) {
        struct message *message = link.inbox;

        link.inbox = message->next;
        look(&link, message);
        free(message);
    }
    free(link.received);
    pthread_cond_destroy(&link.changed);
    pthread_mutex_destroy(&link.lock);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct outcome whole, pieces;

    if (size == 0) {
        return 0;
    }
    whole = feed(bytes + 1, size - 1, size);
    pieces = feed(bytes + 1, size - 1, 1 + bytes[0] % 61);
    CHECK(whole.good == pieces.good && whole.handled == pieces.handled && whole.sum == pieces.sum);
    return 0;
}
