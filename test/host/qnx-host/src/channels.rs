//! ChannelCreate, ChannelCreatePulsePool, ChannelDestroy.

use core::sync::atomic::{AtomicI32, Ordering};
use std::sync::Arc;

use crate::ability::aid;
use crate::ability_record;
use crate::channel::Channel;
use crate::errno::Errno;
use crate::process::{lock, process};
use crate::thread;
use crate::trace::trace;
use crate::types::{
    CHF_COID_DISCONNECT, CHF_KNOWN, CHF_PRIVATE, CHF_THREAD_DEATH, CHO_CUSTOM_EVENT, ChannelConfig,
};

/// Makes a channel. `EINVAL` unknown flags or a bad pool, `EBUSY` a second channel that wants the deaths of coids or
/// threads, `EAGAIN` no memory, `EPERM` without CHF_PRIVATE and the ability PUBLIC_CHANNEL. Does not block.
pub fn create(flags: u32, config: Option<&ChannelConfig>) -> Result<i32, Errno> {
    let _ = thread::take_timeout();
    if flags & !CHF_KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    if let Some(config) = config {
        check_pool(config)?;
    }
    if flags & CHF_PRIVATE == 0 && !ability_record::own_may(aid::PUBLIC_CHANNEL, None) {
        return Err(Errno::EPERM);
    }
    let process = process();
    // A channel can be reached by others from the moment it exists.
    process.be_reachable()?;
    let claims = [
        (CHF_COID_DISCONNECT, &process.coid_death_chid),
        (CHF_THREAD_DEATH, &process.thread_death_chid),
    ];
    let claims: Vec<&AtomicI32> = claims
        .iter()
        .filter(|(flag, _)| flags & flag != 0)
        .map(|(_, chid)| *chid)
        .collect();
    if claims.iter().any(|claim| claim.load(Ordering::SeqCst) != 0) {
        return Err(Errno::EBUSY);
    }
    // The number is not known before the object is listed, and the object is made under its number.
    let mut failed = None;
    let channel = process
        .channels
        .try_insert_lowest(1, |chid| match Channel::new(chid, flags, config) {
            Ok(channel) => Some(Arc::new(channel)),
            Err(error) => {
                failed = Some(error);
                None
            }
        });
    let Some(channel) = channel else {
        return Err(failed.unwrap_or(Errno::EAGAIN));
    };
    for claim in claims {
        // ON-TARGET: errno of a second channel with COID_DISCONNECT or THREAD_DEATH.
        if claim
            .compare_exchange(0, channel.chid, Ordering::SeqCst, Ordering::SeqCst)
            .is_err()
        {
            let _ = destroy(channel.chid);
            return Err(Errno::EBUSY);
        }
    }
    trace!(2, "chid {} created, flags {flags:#x}", channel.chid);
    Ok(channel.chid)
}

fn check_pool(config: &ChannelConfig) -> Result<(), Errno> {
    let good = config.num_pulses != 0
        && config.rearm_threshold <= config.num_pulses
        && config.options & !CHO_CUSTOM_EVENT == 0;
    if good { Ok(()) } else { Err(Errno::EINVAL) }
}

/// Destroys a channel. `EINVAL` unknown.
pub fn destroy(chid: i32) -> Result<(), Errno> {
    let _ = thread::take_timeout();
    let process = process();
    let channel = process.channels.get(chid).ok_or(Errno::EINVAL)?;
    // Another thread may be at it.
    let lanes = channel.kill().ok_or(Errno::EINVAL)?;
    for claim in [&process.coid_death_chid, &process.thread_death_chid] {
        let _ = claim.compare_exchange(chid, 0, Ordering::SeqCst, Ordering::SeqCst);
    }
    for lane in lanes {
        lane.conn.channel_gone(process);
    }
    lock(&process.scoids).release_channel(chid);
    // Last: once the number is free it may be another channel's, and nobody must still find the old connections under it.
    process.channels.remove(chid);
    trace!(2, "chid {chid} destroyed");
    Ok(())
}
