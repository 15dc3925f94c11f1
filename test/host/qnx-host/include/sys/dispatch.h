/* On Linux: QNX's own header, unchanged. Resource managers (sys/iofunc.h, sys/resmgr.h) are absent. */
#include "../../../../../ffi/qnx-sys/include/sys/dispatch.h"
