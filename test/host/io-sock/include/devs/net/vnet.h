/* Virtual network stacks: there is one. */
#ifndef _NET_VNET_H_
#define _NET_VNET_H_

struct vnet;

#define CURVNET_SET(vnet) (void)(vnet)
#define CURVNET_SET_QUIET(vnet) CURVNET_SET(vnet)
#define CURVNET_RESTORE() (void)0
#define CRED_TO_VNET(cr) NULL
#define TD_TO_VNET(td) NULL
#define VNET_DECLARE(type, name) extern type name
#define VNET_DEFINE(type, name) type name
#define VNET_DEFINE_STATIC(type, name) static type name
#define VNET(name) name
#define IS_DEFAULT_VNET(vnet) 1

#endif
