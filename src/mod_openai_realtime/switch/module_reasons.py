"""The reasons that the module gives by itself, where no engine is asked or none can know. setup.py makes a C header of
these, with the same names; what follows `-ERR` on the engine's word is in reasons.py."""

from typing import Final

# Of commands: with `-ERR` before them, as of the engine's. And of the dialplan's applications.
ENGINE_NOT_RUNNING: Final = "Engine is not running"
ENGINE_DID_NOT_ANSWER: Final = "Engine did not answer"
CHANNEL_NOT_FOUND: Final = "Channel not found"
COMMAND_TOO_LONG: Final = "Command is too long"
UNLOADING: Final = "Module is unloading"
OUT_OF_MEMORY: Final = "Out of memory"
TOO_MANY_FILES: Final = "FreeSWITCH has too many open files"

# Of an OPEN.
NO_EARLY_MEDIA: Final = "Channel can't reach early media"
NO_MEDIA: Final = "Channel has no media"
NO_CODEC: Final = "Channel has no audio codec"
FRAMES_TOO_LARGE: Final = "Channel's frames are too large"
BUG_REFUSED: Final = "Channel refused the media bug"
NO_MEMORY_FOR_AUDIO: Final = "No memory for the audio"
NO_MEMORY_FOR_FRAME: Final = "No memory for the playout frame"
NO_MEMORY_FOR_STREAM: Final = "No memory for the stream"
NO_COMMAND_WAITS: Final = "No command is waiting for this stream"

# Of the dialplan's applications.
NOT_ANSWERED: Final = "Channel can't be answered"
NOT_STARTED: Final = "Stream did not start"
NOT_READABLE: Final = "Channel can't be read"

# Of an EXECUTE.
UNKNOWN_KIND: Final = "Unknown kind"
INVALID_NAME: Final = "Invalid name"
ARGUMENTS_TOO_LONG: Final = "Arguments are too long"
ARGUMENTS_HAVE_NUL: Final = "Arguments contain a NUL byte"
TOO_MANY_EXECUTIONS: Final = "Too many commands at once"
TOO_MANY_THREADS: Final = "FreeSWITCH has too many threads"
CHANNEL_ENDED: Final = "Channel has ended"
VARIABLE_NOT_SET: Final = "Variable can't be set"
REPLY_TOO_LONG: Final = "Reply is too long"
UNKNOWN_APPLICATION: Final = "Unknown application"
TOO_MANY_APPLICATIONS: Final = "Channel takes no more applications"
APPLICATION_NOT_RUN: Final = "Application was not run"
