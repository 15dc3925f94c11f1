/* QNX's own header; dispatch_block is a cancellation point. */
#ifndef QNX_HOST_SYS_DISPATCH_H
#define QNX_HOST_SYS_DISPATCH_H

#include "../../../../../ffi/qnx-sys/include/sys/dispatch.h"

#include <qnx/on_linux.h>

QNX_HOST_KEEP(qnx_host_kernel_dispatch_block, dispatch_block);
QNX_HOST_WEAK dispatch_context_t *qnx_host_dispatch_block(dispatch_context_t *ctp) {
    qnx_host_enlist();
    pthread_testcancel();
    dispatch_context_t *result = qnx_host_kernel_dispatch_block(ctp);
    if (result == NULL) {
        pthread_testcancel();
    }
    return result;
}
QNX_HOST_REDIRECT(dispatch_block, "qnx_host_dispatch_block");

#endif
