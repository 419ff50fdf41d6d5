/*
 * service.h -- the service thread: one for all links. It reads what the engine sends, fires events, writes log lines,
 * closes links, lets closed streams go, and reaches a restarted engine.
 */
#ifndef MODULE_SERVICE_H
#define MODULE_SERVICE_H

#include "link.h"

bool service_start(const char *engine_socket);
void service_end(void); /* when no command and no media bug is left */
const char *service_engine_socket(void);

void service_wake(void);
void service_review(void); /* wake, and look at all links: one may have become useless */

/* Hands the media bug's reference over. Callable from a media callback: no lock. */
void service_stream_closed(struct stream *stream);

/* A link's socket in the epoll set. */
bool service_watch(struct link *link, int fd);
void service_watch_writing(struct link *link, int fd, bool writing);
void service_unwatch(int fd);

#endif
