//! Parameters given as text, for a statement's parameters of any type.

use std::error::Error;

use tokio_postgres::types::{Format, IsNull, ToSql, Type, private::BytesMut};

/// A parameter that the server's own input function for the type reads; `None` is NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextParameter(pub Option<String>);

impl ToSql for TextParameter {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        Ok(match &self.0 {
            Some(text) => {
                out.extend_from_slice(text.as_bytes());
                IsNull::No
            }
            None => IsNull::Yes,
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.to_sql(ty, out)
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }
}
