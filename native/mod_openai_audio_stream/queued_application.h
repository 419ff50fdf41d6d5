/*
 * queued_application.h -- applications of the dialplan, run by the channel's own thread between what else it does.
 *
 * Most applications read and write the channel's media, so no other thread may run them. FreeSWITCH's way for that is an
 * event in the session's queue ("sendmsg" of the Event Socket); whatever the channel is doing takes it from there: a
 * parked channel, a bridge, a file that is played, our own application. That they have ended is told by FreeSWITCH's
 * events.
 */
#ifndef MODULE_QUEUED_APPLICATION_H
#define MODULE_QUEUED_APPLICATION_H

#include "execution.h"

bool queued_applications_start(void); /* at load; false: FreeSWITCH does not tell the ends */
void queued_applications_end(void);   /* at unload: those that run on are answered with an error, and go on */

/* An executor's thread: takes the execution over. */
void queued_application_add(struct execution *execution);
/* The service thread's, now and then, for a link that waits for some: answers those whose channel has ended. */
void queued_applications_review(struct link *link);

#endif
