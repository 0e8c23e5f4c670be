//! One connection that is kept: the least that speaks HTTP, so that the visitors cost little beside the service.

use std::io::{Error, ErrorKind, Result};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A visitor with one connection.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    port: u16,
    cookie: String,
}

/// An answer.
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: String,
}

impl Client {
    /// Connects to 127.0.0.1.
    ///
    /// # Errors
    ///
    /// Nobody listens.
    pub async fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
            port,
            cookie: String::new(),
        })
    }

    /// Asks for a page.
    ///
    /// # Errors
    ///
    /// The connection broke, or the answer is no HTTP.
    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        self.send("GET", path, "", "").await
    }

    /// Sends a form, with more header lines.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn post(&mut self, path: &str, headers: &str, form: &str) -> Result<Answer> {
        self.send("POST", path, headers, form).await
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        form: &str,
    ) -> Result<Answer> {
        let (port, length) = (self.port, form.len());
        let cookie = match self.cookie.as_str() {
            "" => String::new(),
            cookie => format!("Cookie: {cookie}\r\n"),
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\
             {cookie}{headers}\r\n{form}"
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Answer> {
        let head_end = loop {
            let end = self.buffer.windows(4).position(|four| four == b"\r\n\r\n");
            match end {
                Some(end) => break end + 4,
                None => self.more().await?,
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..head_end]).into_owned();
        let length = header(&head, "content-length").and_then(|value| value.parse().ok());
        let length: usize = length.unwrap_or(0);
        while self.buffer.len() < head_end + length {
            self.more().await?;
        }
        if let Some(cookie) = header(&head, "set-cookie").and_then(|line| line.split(';').next()) {
            cookie.clone_into(&mut self.cookie);
        }
        let body = String::from_utf8_lossy(&self.buffer[head_end..head_end + length]).into_owned();
        self.buffer.drain(..head_end + length);
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| Error::new(ErrorKind::InvalidData, head))?;
        Ok(Answer { status, body })
    }

    async fn more(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
