/*
 * The layouts of FreeBSD 13.0 and 14.3 (LP64) that the headers must have. layout/ asserts the same of the Rust side.
 * It compiles to nothing; it is compiled over both bases, for both processors, with and without INVARIANTS.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/callout.h>
#include <sys/kthread.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/module.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/socketvar.h>
#include <sys/sx.h>
#include <sys/sysctl.h>
#include <sys/taskqueue.h>
#include <sys/uio.h>

#include <netinet/in.h>

#include <qnx/qnx_modload.h>

#if __FreeBSD_version >= 1400000
#define BASE(in13, in14) (in14)
#else
#define BASE(in13, in14) (in13)
#endif
#define SIZE(type, size) _Static_assert(sizeof(type) == (size), "sizeof " #type)
#define AT(type, field, at) _Static_assert(__offsetof(type, field) == (at), #type "." #field)

SIZE(struct sysinit, BASE(24, 32));
AT(struct sysinit, order, 4);
AT(struct sysinit, func, BASE(8, 16));
AT(struct sysinit, udata, BASE(16, 24));
SIZE(struct mod_metadata, 24);
AT(struct mod_metadata, md_type, 4);
AT(struct mod_metadata, md_data, 8);
AT(struct mod_metadata, md_cval, 16);
SIZE(moduledata_t, 24);
SIZE(struct mod_version, 4);
SIZE(struct mod_depend, 12);
SIZE(struct mtx_args, 24);
SIZE(struct _iosock_module_version, 16);

SIZE(struct sysctl_oid, BASE(96, 112));
AT(struct sysctl_oid, oid_parent, 8);
AT(struct sysctl_oid, oid_link, 16);
AT(struct sysctl_oid, oid_number, BASE(24, 40));
AT(struct sysctl_oid, oid_kind, BASE(28, 44));
AT(struct sysctl_oid, oid_arg1, BASE(32, 48));
AT(struct sysctl_oid, oid_arg2, BASE(40, 56));
AT(struct sysctl_oid, oid_name, BASE(48, 64));
AT(struct sysctl_oid, oid_handler, BASE(56, 72));
AT(struct sysctl_oid, oid_fmt, BASE(64, 80));
AT(struct sysctl_oid, oid_refcnt, BASE(72, 88));
AT(struct sysctl_oid, oid_running, BASE(76, 92));
AT(struct sysctl_oid, oid_descr, BASE(80, 96));
AT(struct sysctl_oid, oid_label, BASE(88, 104));
SIZE(struct sysctl_req, 96);
AT(struct sysctl_req, oldptr, 16);
AT(struct sysctl_req, oldlen, 24);
AT(struct sysctl_req, oldidx, 32);
AT(struct sysctl_req, oldfunc, 40);
AT(struct sysctl_req, newptr, 48);
AT(struct sysctl_req, newlen, 56);
AT(struct sysctl_req, newidx, 64);
AT(struct sysctl_req, newfunc, 72);
AT(struct sysctl_req, validlen, 80);
AT(struct sysctl_req, flags, 88);

SIZE(struct malloc_type, 112);
AT(struct malloc_type, ks_version, 8);
AT(struct malloc_type, ks_shortdesc, 16);
AT(struct malloc_type, ks_mti, 24);

SIZE(struct lock_object, 24);
SIZE(struct mtx, 32);
AT(struct mtx, mtx_lock, 24);
SIZE(struct sx, 32);
AT(struct sx, sx_lock, 24);

SIZE(struct mbuf, BASE(248, 256));
AT(struct mbuf, m_nextpkt, 8);
AT(struct mbuf, m_data, 16);
AT(struct mbuf, m_len, 24);
AT(struct mbuf, m_pkthdr, 32);
AT(struct mbuf, m_dat, 32);
AT(struct mbuf, m_pkthdr.tags, 40);
AT(struct mbuf, m_pkthdr.len, 48);
AT(struct mbuf, m_pkthdr.flowid, 52);
AT(struct mbuf, m_pkthdr.csum_flags, 56);
AT(struct mbuf, m_pkthdr.fibnum, 60);
AT(struct mbuf, m_pkthdr.numa_domain, 62);
AT(struct mbuf, m_pkthdr.rsstype, 63);
AT(struct mbuf, m_pkthdr.rcv_tstmp, 64);
AT(struct mbuf, m_pkthdr.PH_per, 72);
AT(struct mbuf, m_pkthdr.PH_loc, 80);
AT(struct mbuf, m_ext, BASE(88, 96));
AT(struct mbuf, m_pktdat, BASE(88, 96));
AT(struct mbuf, m_ext.ext_size, BASE(96, 104));
AT(struct mbuf, m_ext.ext_buf, BASE(104, 112));
AT(struct mbuf, m_ext.ext_arg2, BASE(112, 120));
AT(struct mbuf, m_ext.ext_free, BASE(232, 240));
AT(struct mbuf, m_ext.ext_arg1, BASE(240, 248));
SIZE(struct m_ext, 160);
SIZE(struct pkthdr, BASE(56, 64));
_Static_assert(m_ext_copylen == 24, "a duplicate copies 24 bytes of m_ext");
_Static_assert(MLEN == 224 && MHLEN == BASE(168, 160) && MINCLSIZE == MHLEN + 1, "room inside an mbuf");

#if __FreeBSD_version >= 1400000
SIZE(struct sockbuf, 208);
AT(struct sockbuf, sb_mtx, 0);
AT(struct sockbuf, sb_state, 16);
AT(struct sockbuf, sb_flags, 18);
AT(struct sockbuf, sb_acc, 20);
AT(struct sockbuf, sb_ccc, 24);
AT(struct sockbuf, sb_mbcnt, 28);
AT(struct sockbuf, sb_hiwat, 36);
AT(struct sockbuf, sb_lowat, 40);
AT(struct sockbuf, sb_mbmax, 44);
AT(struct sockbuf, sb_timeo, 48);
AT(struct sockbuf, sb_upcall, 56);
AT(struct sockbuf, sb_upcallarg, 64);
AT(struct sockbuf, sb_mb, 120);
AT(struct sockbuf, sb_lastrecord, 136);

SIZE(struct socket, 1024);
AT(struct socket, so_count, 32);
AT(struct socket, so_options, 184);
AT(struct socket, so_type, 188);
AT(struct socket, so_state, 190);
AT(struct socket, so_pcb, 192);
AT(struct socket, so_proto, 208);
AT(struct socket, so_linger, 216);
AT(struct socket, so_timeo, 218);
AT(struct socket, so_error, 220);
AT(struct socket, so_rerror, 222);
AT(struct socket, so_cred, 232);
AT(struct socket, so_snd_sx, 384);
AT(struct socket, so_snd_mtx, 416);
AT(struct socket, so_rcv_sx, 448);
AT(struct socket, so_rcv_mtx, 480);
AT(struct socket, so_rcv, 512);
AT(struct socket, so_snd, 720);
AT(struct socket, so_list, 928);
AT(struct socket, so_listen, 944);
AT(struct socket, so_qstate, 952);
AT(struct socket, sol_comp, 528);
AT(struct socket, sol_qlen, 544);
AT(struct socket, sol_upcall, 584);
AT(struct socket, sol_upcallarg, 592);
SIZE(struct protosw, 248);
AT(struct protosw, pr_flags, 4);
AT(struct protosw, pr_peeraddr, 200);
AT(struct protosw, pr_sockaddr, 208);
_Static_assert(SO_RCV == 0 && SO_SND == 1, "14 counts from 0");
#else
SIZE(struct sockbuf, 280);
AT(struct sockbuf, sb_sx, 32);
AT(struct sockbuf, sb_state, 72);
AT(struct sockbuf, sb_mb, 80);
AT(struct sockbuf, sb_acc, 124);
AT(struct sockbuf, sb_ccc, 128);
AT(struct sockbuf, sb_hiwat, 132);
AT(struct sockbuf, sb_mbcnt, 136);
AT(struct sockbuf, sb_mbmax, 148);
AT(struct sockbuf, sb_lowat, 164);
AT(struct sockbuf, sb_timeo, 168);
AT(struct sockbuf, sb_flags, 208);
AT(struct sockbuf, sb_upcall, 216);
AT(struct sockbuf, sb_upcallarg, 224);

SIZE(struct socket, 944);
AT(struct socket, so_count, 32);
AT(struct socket, so_type, 184);
AT(struct socket, so_options, 188);
AT(struct socket, so_linger, 192);
AT(struct socket, so_state, 194);
AT(struct socket, so_pcb, 200);
AT(struct socket, so_proto, 216);
AT(struct socket, so_timeo, 224);
AT(struct socket, so_error, 226);
AT(struct socket, so_cred, 240);
AT(struct socket, so_rcv, 328);
AT(struct socket, so_snd, 608);
AT(struct socket, so_list, 888);
AT(struct socket, so_listen, 904);
AT(struct socket, so_qstate, 912);
AT(struct socket, sol_incomp, 328);
AT(struct socket, sol_comp, 344);
AT(struct socket, sol_qlen, 360);
AT(struct socket, sol_incqlen, 364);
AT(struct socket, sol_qlimit, 368);
AT(struct socket, sol_upcall, 400);
AT(struct socket, sol_upcallarg, 408);
SIZE(struct protosw, 96);
AT(struct protosw, pr_flags, 18);
AT(struct protosw, pr_usrreqs, 88);
SIZE(struct pr_usrreqs, 216);
AT(struct pr_usrreqs, pru_peeraddr, 80);
AT(struct pr_usrreqs, pru_sockaddr, 144);
_Static_assert(SO_RCV == 1 && SO_SND == 2, "13 counts from 1");
#endif

SIZE(struct sockopt, 40);
AT(struct sockopt, sopt_val, 16);
AT(struct sockopt, sopt_td, 32);
SIZE(struct linger, 8);
SIZE(struct timeval, 16);
SIZE(struct sockaddr_in, 16);
SIZE(struct sockaddr_in6, 28);
SIZE(struct uio, 48);
AT(struct uio, uio_iovcnt, 8);
AT(struct uio, uio_offset, 16);
AT(struct uio, uio_resid, 24);
AT(struct uio, uio_segflg, 32);
AT(struct uio, uio_rw, 36);
AT(struct uio, uio_td, 40);
SIZE(struct iovec, 16);
SIZE(struct task, 32);
_Static_assert(MODULE_KERNEL_MAXVER == BASE(1399999, 1499999), "any kernel of the same major version");
_Static_assert(EWOULDBLOCK == 11 && EMSGSIZE == 240 && EOPNOTSUPP == 103, "QNX's error numbers");

/* Ours alone: what layout/ says of structs whose layout nobody else relies on. */
SIZE(struct thread, 136);
AT(struct thread, td_pt_tid, 16);
AT(struct thread, td_locks, 32);
AT(struct thread, td_ru, 40);
AT(struct thread, td_retval, 72);
AT(struct thread, td_wchan, 88);
AT(struct thread, td_name, 104);
AT(struct thread, td_private, 128);
SIZE(struct ucred, 48);
AT(struct ucred, cr_groups, 40);
SIZE(struct proc, 40);
SIZE(struct callout, 56);
AT(struct callout, c_time, 24);
AT(struct callout, c_flags, 32);
AT(struct callout, c_sequence, 40);
SIZE(struct m_tag, 24);
SIZE(struct sx_args, 24);
