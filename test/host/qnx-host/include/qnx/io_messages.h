/* On Linux: QNX's own header. The status in a message is QNX's; programs have Linux's struct stat. */
#include <qnx/stat.h>
#define QNX_STAT struct qnx_stat
#include "../../../../../ffi/qnx-sys/include/qnx/io_messages.h"
