/*
 * interface.h -- what the module offers in FreeSWITCH: the engine says it, in INTERFACE, and it is kept here for the time
 * when no engine runs. Nothing is offered before the first engine has been heard.
 */
#ifndef MODULE_INTERFACE_H
#define MODULE_INTERFACE_H

#include "abi.h"
#include "wire.h"

#define INTERFACE_NAME_LIMIT 47u /* of a verb, an event, the interface itself */

/* An API command. The module alone knows its name, since FreeSWITCH wants it when the module is loaded. */
struct interface_api {
    const char *name;
    const char *word; /* on the link */
};
#define INTERFACE_APIS 8u /* at most */

/* At load, with all there are, which stay; at unload: what FreeSWITCH has been told is taken back. */
void interface_start(const struct interface_api *apis, unsigned count);
void interface_end(void);

/* The service thread's: an engine tells. What makes no sense changes nothing. */
void interface_take(const unsigned char *body, size_t size);

/* Any thread. */
const char *interface_api_name(const char *word);
bool interface_is_known(void);
void interface_add_name(struct wire_buffer *hello); /* which one it is, "" for none */
char *interface_usage(const char *word);            /* to be freed; NULL: unknown, or no memory */

enum { VERB_TAKES_PAYLOAD = 1, VERB_TAKES_KEY = 2 };
/* The verb that a command begins with, in small letters; "" if it is none, of which nothing may be repeated. Before the
 * verbs are known: any word that can be one. */
unsigned interface_find_verb(const char *word, const char *arguments, char verb[INTERFACE_NAME_LIMIT + 1]);

/* What is said of a stream whose engine has died. */
enum interface_loss { LOST_SPEAKING, LOST_CONNECTED, LOST_UNCONNECTED, INTERFACE_LOSSES };
/* The event's subclass; the body follows in `*body`. To be freed; NULL: unknown, or no memory. */
char *interface_loss(enum interface_loss loss, const char **body);

#endif
