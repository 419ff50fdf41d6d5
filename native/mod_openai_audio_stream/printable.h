/*
 * printable.h -- text of others, fit for one line of a console: nothing in it moves the cursor, ends the line, or turns
 * the direction of what follows.
 */
#ifndef MODULE_PRINTABLE_H
#define MODULE_PRINTABLE_H

/* In place, a blank for each character that is not shown, and for each byte that is no UTF-8. */
void printable_string(char *text);

#endif
