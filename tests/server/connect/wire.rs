//! A server that speaks just enough of the protocol to be somebody else.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Listens on a free port; what it answers is `answer`'s business. Returns the port.
pub async fn listen<F>(answer: impl Fn(TcpStream) -> F + Send + 'static) -> u16
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    port
}

/// Lets everybody in as a server of the given version, and answers nothing after that.
pub async fn greet(mut stream: TcpStream, version: &str) -> std::io::Result<()> {
    loop {
        let length = stream.read_u32().await? as usize;
        let mut message = vec![0; length - 4];
        stream.read_exact(&mut message).await?;
        if message != [4, 210, 22, 47] {
            break;
        }
        // SSLRequest: no.
        stream.write_all(b"N").await?;
    }
    let mut answer = b"R\0\0\0\x08\0\0\0\0".to_vec();
    let status = format!("server_version\0{version}\0");
    answer.push(b'S');
    answer.extend((status.len() as u32 + 4).to_be_bytes());
    answer.extend(status.as_bytes());
    answer.extend(b"K\0\0\0\x0c\0\0\0\x01\0\0\0\x02Z\0\0\0\x05I");
    stream.write_all(&answer).await?;
    std::future::pending().await
}
