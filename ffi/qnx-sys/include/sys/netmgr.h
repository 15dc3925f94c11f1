/* Nodes. QNX 8 has no Qnet: there is the local node and no other. */
#ifndef QNX_SYS_NETMGR_H
#define QNX_SYS_NETMGR_H

#define ND_LOCAL_NODE 0 /* [H] */
#define ND_NODE_CMP(a, b) ((a) == (b) ? 0 : ((a) < (b) ? -1 : 1))

#endif
