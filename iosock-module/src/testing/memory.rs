//! Shared memory of a test: plain bytes that the test, as the client, changes whenever it likes; and text lines.

use super::*;

/// Memory that a test, as the client, writes whenever it likes.
#[derive(Clone)]
pub struct TestMem(Arc<Mutex<Vec<u8>>>);

impl TestMem {
    pub fn new(len: usize) -> Self {
        Self(Arc::new(Mutex::new(vec![0; len])))
    }

    fn range(&self, off: usize, len: usize, align: usize) -> Result<std::ops::Range<usize>, OutOfBounds> {
        let size = self.0.lock().unwrap().len();
        match off.checked_add(len) {
            Some(end) if end <= size && off.is_multiple_of(align) => Ok(off..end),
            _ => Err(OutOfBounds {
                offset: off,
                len,
                size,
            }),
        }
    }

    /// `Ok` with the old word when `next` changed it, `Err` with the word when it did not.
    fn update(
        &self,
        off: usize,
        next: impl FnOnce(u64) -> Option<u64>,
    ) -> Result<Result<u64, u64>, OutOfBounds> {
        let range = self.range(off, 8, 8)?;
        let mut bytes = self.0.lock().unwrap();
        let word = u64::from_le_bytes(bytes[range.clone()].try_into().unwrap());
        let Some(new) = next(word) else {
            return Ok(Err(word));
        };
        bytes[range].copy_from_slice(&new.to_le_bytes());
        Ok(Ok(word))
    }

    pub fn write(&self, off: usize, bytes: &[u8]) {
        self.0.lock().unwrap()[off..off + bytes.len()].copy_from_slice(bytes);
    }

    pub fn read(&self, off: usize, len: usize) -> Vec<u8> {
        self.0.lock().unwrap()[off..off + len].to_vec()
    }
}

impl SharedMem for TestMem {
    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn load_u32(&self, off: usize, _: Load) -> Result<u32, OutOfBounds> {
        let range = self.range(off, 4, 4)?;
        Ok(u32::from_le_bytes(
            self.0.lock().unwrap()[range].try_into().unwrap(),
        ))
    }

    fn store_u32(&self, off: usize, v: u32, _: Store) -> Result<(), OutOfBounds> {
        let range = self.range(off, 4, 4)?;
        self.0.lock().unwrap()[range].copy_from_slice(&v.to_le_bytes());
        Ok(())
    }

    fn load_u64(&self, off: usize) -> Result<u64, OutOfBounds> {
        let range = self.range(off, 8, 8)?;
        Ok(u64::from_le_bytes(
            self.0.lock().unwrap()[range].try_into().unwrap(),
        ))
    }

    fn store_u64(&self, off: usize, v: u64) -> Result<(), OutOfBounds> {
        let range = self.range(off, 8, 8)?;
        self.0.lock().unwrap()[range].copy_from_slice(&v.to_le_bytes());
        Ok(())
    }

    // One lock around each access makes all of them sequentially consistent.

    fn load_word(&self, off: usize) -> Result<u64, OutOfBounds> {
        self.load_u64(off)
    }

    fn store_word(&self, off: usize, v: u64) -> Result<(), OutOfBounds> {
        self.store_u64(off, v)
    }

    fn change_word(&self, off: usize, change: Change) -> Result<u64, OutOfBounds> {
        self.update(off, |word| Some(change.apply(word)))
            .map(|result| result.unwrap())
    }

    fn exchange_word(&self, off: usize, expected: u64, new: u64) -> Result<Result<u64, u64>, OutOfBounds> {
        self.update(off, |word| (word == expected).then_some(new))
    }

    fn copy_in(&self, off: usize, dst: &mut [u8]) -> Result<(), OutOfBounds> {
        let range = self.range(off, dst.len(), 1)?;
        dst.copy_from_slice(&self.0.lock().unwrap()[range]);
        Ok(())
    }

    fn copy_out(&self, off: usize, src: &[u8]) -> Result<(), OutOfBounds> {
        let range = self.range(off, src.len(), 1)?;
        self.0.lock().unwrap()[range].copy_from_slice(src);
        Ok(())
    }
}

/// iosock's line of text, without io-sock.
#[derive(Default)]
pub struct Line(String);

impl Line {
    pub fn new() -> Self {
        Self::default()
    }

    fn add(&mut self, text: &str) -> &mut Self {
        self.0.push_str(text);
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.add(text)
    }

    pub fn dec(&mut self, value: u64) -> &mut Self {
        self.add(&value.to_string())
    }

    pub fn signed(&mut self, value: i64) -> &mut Self {
        self.add(&value.to_string())
    }

    pub fn hex(&mut self, value: u64) -> &mut Self {
        self.add(&format!("{value:x}"))
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
