//! Through csock, in place both ways: files are read into the pool, received bytes are looked at where they lie.

use crate::{
    ledger::Ledger,
    path::{CHUNK, Path, Stream},
};
use anyhow::{Context, Result, bail};
use custom_socket::{Session, Shutdown, TcpListener, TcpStream};
use std::{
    fs::File,
    net::{SocketAddr, SocketAddrV4},
};

/// One session.
pub struct Csock {
    session: Session,
    /// The worker's wake-ups before this program: the count goes on from there.
    wakeups_before: u64,
}

impl Csock {
    /// Opens a session.
    pub fn connect() -> Result<Self> {
        let session = Session::connect().context("cannot open a csock session")?;
        let wakeups_before = session.stats()?.total.worker_wakeups;
        Ok(Self {
            session,
            wakeups_before,
        })
    }

    /// The session itself.
    pub fn session(&self) -> &Session {
        &self.session
    }
}

impl Path for Csock {
    type Stream = TcpStream;
    type Listener = TcpListener;

    fn listen(&self, addr: SocketAddrV4) -> Result<(TcpListener, SocketAddrV4)> {
        let listener = TcpListener::bind(&self.session, addr)?;
        match listener.local_addr()? {
            SocketAddr::V4(bound) => Ok((listener, bound)),
            SocketAddr::V6(bound) => bail!("bound to {bound}, which is not IPv4"),
        }
    }

    fn accept(&self, listener: &TcpListener) -> Result<TcpStream> {
        Ok(listener.accept()?.0)
    }

    fn connect(&self, addr: SocketAddrV4) -> Result<TcpStream> {
        Ok(TcpStream::connect(&self.session, addr)?)
    }

    fn ledger(&self) -> Result<Ledger> {
        let stats = self.session.stats()?;
        let (module, client) = (stats.mine, stats.client);
        Ok(Ledger {
            tx_bytes: client.tx_bytes,
            tx_bytes_copied: client.tx_bytes_copied + module.tx_bytes_copied,
            rx_bytes: client.rx_bytes,
            rx_bytes_copied: client.rx_bytes_copied + module.rx_bytes_copied,
            control_msgs: client.control_msgs,
            doorbells: client.doorbells_sent,
            // The worker serves all sessions; this program was the only one.
            worker_wakeups: stats.total.worker_wakeups - self.wakeups_before,
            waits: client.waits,
            ext_mbufs_outstanding: stats.total.ext_mbufs_outstanding,
            ..Ledger::default()
        })
    }
}

impl Stream for TcpStream {
    fn send_text(&mut self, text: &str) -> Result<()> {
        let mut buffer = self.reserve(text.len())?;
        // SAFETY: reserved and not committed: nobody else touches it; io-sock is trusted to keep to that.
        let bytes = unsafe { buffer.as_mut_slice() };
        bytes.copy_from_slice(
            text.as_bytes()
                .get(..bytes.len())
                .context("the pool gave more than was asked for")?,
        );
        let length = bytes.len();
        // SAFETY: the line above wrote all of it.
        unsafe { buffer.assume_filled(length) };
        Ok(buffer.commit(length)?)
    }

    fn send_from(&mut self, file: &mut File) -> Result<usize> {
        let mut buffer = self.reserve(CHUNK)?;
        let n = buffer.fill_from_fd(&*file, 0)?;
        buffer.commit(n)?;
        Ok(n)
    }

    fn receive(&mut self, sink: &mut dyn FnMut(&[u8])) -> Result<usize> {
        match self.recv_in_place()? {
            Some(received) => {
                // SAFETY: io-sock is trusted with this program's data: it writes to a buffer before it hands it over, not after.
                sink(unsafe { received.as_slice() });
                Ok(received.len())
            }
            None => Ok(0),
        }
    }

    fn finish(&mut self) -> Result<()> {
        Ok(self.shutdown(Shutdown::Write)?)
    }
}
