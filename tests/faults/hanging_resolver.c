/* Preloaded: the system's resolver, but for names that begin with `hangs`, which it never answers. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *restrict node, const char *restrict service, const struct addrinfo *restrict hints,
                struct addrinfo **restrict found)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

    if (node && !(hints && (hints->ai_flags & AI_NUMERICHOST))) {
        while (strncmp(node, "hangs", strlen("hangs")) == 0) {
            pause();
        }
    }
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(node, service, hints, found);
}
