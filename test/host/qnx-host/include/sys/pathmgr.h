/* On Linux: QNX's own header, unchanged. */
#include "../../../../../ffi/qnx-sys/include/sys/pathmgr.h"
