/*
 * native/media/audio_delta.c finds the audio of any message, or leaves it to the JSON parser. Whether it
 * reads a message as the parser would is checked from Python (test_messages.py).
 */
#include "fuzz.h"

#include "audio_delta.h"

static void check_text(const uint8_t *bytes, size_t size, struct text text, bool ascii)
{
    if (!text.at) {
        CHECK(text.length == 0);
        return;
    }
    CHECK((const uint8_t *)text.at > bytes && (const uint8_t *)text.at + text.length < bytes + size);
    CHECK(text.at[-1] == '"' && text.at[text.length] == '"');
    for (size_t i = 0; ascii && i < text.length; i++) {
        CHECK(text.at[i] >= 0x20 && text.at[i] < 0x7f && text.at[i] != '\\');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct audio_delta delta;

    if (audio_delta_scan((const char *)bytes, size, &delta)) {
        CHECK(delta.audio.at && delta.type.at);
        CHECK(delta.content_index >= 0 && delta.content_index <= 999999999);
        CHECK(delta.has_content_index || delta.content_index == 0);
        check_text(bytes, size, delta.type, true);
        check_text(bytes, size, delta.response_id, true);
        check_text(bytes, size, delta.item_id, true);
        check_text(bytes, size, delta.audio, false);
    }
    return 0;
}
