/*
 * requests.h -- what the engine asks of the module, for a command that waits or for none.
 */
#ifndef MODULE_REQUESTS_H
#define MODULE_REQUESTS_H

#include "link.h"

/* Carries out a CLOSE: CLOSED follows from the CLOSE callback, or at once. */
void requests_close(struct link *link, const struct message *close_message);
/* An OPEN that no command waits for. */
void requests_refuse_open(struct link *link, const struct message *open);
/* A KEEP. */
void requests_keep(struct link *link, const struct message *keep);

#endif
