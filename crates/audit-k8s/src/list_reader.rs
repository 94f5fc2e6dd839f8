//! The answer to a list call, read object by object while it comes.

use std::pin::Pin;

use futures::{AsyncBufRead, AsyncBufReadExt as _};
use http::Request;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use kube::Client;
use kube::api::ObjectList;
use serde::de::{DeserializeOwned, Error as _};

use crate::list_text::ListText;

/// An object of a list.
pub(crate) trait ListItem: Clone + DeserializeOwned {
    /// How many bytes a page is meant to have: few where all of an object is kept until its page is read.
    const PAGE: usize = 4 << 20;

    /// Reads it.
    ///
    /// # Errors
    /// The text is not such an object, and the list cannot be used.
    fn read(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }
}

/// An answer that is being read.
pub(crate) struct ListReader {
    body: Pin<Box<dyn AsyncBufRead + Send>>,
    text: ListText,
    bytes: usize,
}

impl ListReader {
    /// Makes the call, and waits until its answer begins.
    ///
    /// # Errors
    /// Those of the API server and of the way to it.
    pub(crate) async fn ask(client: &Client, request: Request<Vec<u8>>) -> kube::Result<Self> {
        Ok(Self {
            body: Box::pin(client.request_stream(request).await?),
            text: ListText::default(),
            bytes: 0,
        })
    }

    /// The objects that come next, as far as they have come; nothing after the last.
    ///
    /// # Errors
    /// The answer breaks off, or an object cannot be read.
    pub(crate) async fn some<K: ListItem>(&mut self) -> kube::Result<Option<Vec<K>>> {
        let piece = self.body.fill_buf().await.map_err(kube::Error::ReadEvents)?;
        if piece.is_empty() {
            return Ok(None);
        }
        let mut objects = Vec::new();
        let told = self.text.take_in(piece, |object| {
            let object = str::from_utf8(object).map_err(serde_json::Error::custom)?;
            objects.push(K::read(object)?);
            Ok(())
        });
        told.map_err(kube::Error::SerdeError)?;
        let length = piece.len();
        self.body.consume_unpin(length);
        self.bytes = self.bytes.saturating_add(length);
        Ok(Some(objects))
    }

    /// How many bytes were read.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What the list says of itself, once all of it was read: its version, and where the next page begins.
    ///
    /// # Errors
    /// It was no list, or ended early.
    pub(crate) fn metadata(&self) -> kube::Result<ListMeta> {
        let list: serde_json::Result<ObjectList<serde_json::Value>> =
            serde_json::from_slice(self.text.around());
        list.map(|list| list.metadata).map_err(kube::Error::SerdeError)
    }
}
