//! Code page 850, in which DOS programs and the Windows console write accents.
//!
//! The upper half is a table, because encoding_rs holds only what browsers need. That a file looks
//! like it is found in `encoding`.

/// The characters from 0x80 to 0xFF.
const UPPER: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐\
                     └┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";

/// Bytes of UTF-8 that one byte can become.
const LONGEST: usize = 3;

pub(super) struct Cp850Decoder {
    upper: Vec<char>,
}

impl Cp850Decoder {
    pub(super) fn new() -> Self {
        Self { upper: UPPER.chars().collect() }
    }

    /// Decodes as many bytes as surely fit into `output`: bytes read, and bytes written.
    pub(super) fn decode(&self, input: &[u8], output: &mut [u8]) -> (usize, usize) {
        let some = input.len().min(output.len() / LONGEST);
        let mut written = 0;
        for byte in &input[..some] {
            let upper = byte.checked_sub(0x80).and_then(|at| self.upper.get(usize::from(at)));
            let c = upper.copied().unwrap_or(char::from(*byte));
            written += c.encode_utf8(&mut output[written..]).len();
        }
        (some, written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_character() {
        let decoder = Cp850Decoder::new();
        assert_eq!(decoder.upper.len(), 128);
        let mut output = [0; 64];
        let (read, written) = decoder.decode(b"Jo\xc6o;Itaja\xa1;\xb5urea\xff", &mut output);
        assert_eq!(read, 18);
        assert_eq!(&output[..written], "João;Itajaí;Áurea\u{a0}".as_bytes());
        assert_eq!(decoder.decode(&[b'x'; 100], &mut output), (21, 21));
    }
}
