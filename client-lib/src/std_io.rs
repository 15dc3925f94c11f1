//! What std adds: the traits of `std::io`.

use crate::tcp::TcpStream;
use std::io::{Read, Result, Write};

impl Read for &TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        Ok(self.recv(buffer)?)
    }
}

impl Write for &TcpStream {
    fn write(&mut self, buffer: &[u8]) -> Result<usize> {
        Ok(self.send(buffer)?)
    }

    /// Nothing to do: what was written is on its way.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for TcpStream {
    fn write(&mut self, buffer: &[u8]) -> Result<usize> {
        (&*self).write(buffer)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
