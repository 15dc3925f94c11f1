//! Through the stand-in's message path.
use crate::path::{Path, Stream}; use crate::ledger::Ledger; use anyhow::Result; use std::fs::File; use std::net::SocketAddrV4;
pub struct Message; pub struct S;
impl Message { pub fn connect() -> Result<Self> { Ok(Self) } }
impl Path for Message { type Stream = S; type Listener = ();
 fn listen(&self, a: SocketAddrV4) -> Result<((), SocketAddrV4)> { Ok(((), a)) } fn accept(&self, _: &()) -> Result<S> { Ok(S) } fn connect(&self, _: SocketAddrV4) -> Result<S> { Ok(S) } fn ledger(&self) -> Result<Ledger> { Ok(Ledger::default()) } }
impl Stream for S { fn send_text(&mut self, _: &str) -> Result<()> { Ok(()) } fn send_from(&mut self, _: &mut File) -> Result<usize> { Ok(0) } fn receive(&mut self, _: &mut dyn FnMut(&[u8])) -> Result<usize> { Ok(0) } fn finish(&mut self) -> Result<()> { Ok(()) } }
