#define _GNU_SOURCE
#include "connect.h"

#include "log.h"
#include "monotonic.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG_RETRY_NS (5 * 1000 * 1000)

static bool peer_is_trusted(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        return false;
    }
    if (peer.uid != 0 && peer.uid != geteuid()) {
        LOG(NULL, SWITCH_LOG_ERROR, "The engine's socket belongs to user %u, neither root nor ours", peer.uid);
        return false;
    }
    return true;
}

int connect_to_engine(const char *path, uint64_t deadline_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        struct timespec pause = {.tv_nsec = BACKLOG_RETRY_NS};

        if ((errno != EAGAIN && errno != EINTR) || monotonic_ms() >= deadline_ms) {
            goto failed;
        }
        nanosleep(&pause, NULL);
    }
    if (!peer_is_trusted(fd)) {
        goto failed;
    }
    return fd;

failed:
    close(fd);
    errno = ECONNREFUSED;
    return -1;
}
