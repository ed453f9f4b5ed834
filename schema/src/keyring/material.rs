//! What a Parquet file says about its key: Parquet's key material, as its key tools write it where a file holds it itself.
//!
//! The key on the ring encrypts the file directly, so that programs without key management read it too. To those with one
//! (pyarrow's `CryptoFactory`, parquet-java's key tools), the "wrapped" key is the fingerprint, and "unwrapping" it is to
//! give the key that `masterKeyID` names.

use parquet::encryption::decrypt::KeyRetriever;
use parquet::errors::ParquetError;
use serde::{Deserialize, Serialize};

use super::{Key, Keyring};

/// Version 1 of parquet-java's `KeyMaterial`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeyMaterial {
    key_material_type: String,
    internal_storage: bool,
    is_footer_key: bool,
    #[serde(rename = "kmsInstanceID")]
    kms_instance_id: String,
    #[serde(rename = "kmsInstanceURL")]
    kms_instance_url: String,
    #[serde(rename = "masterKeyID")]
    master_key_id: String,
    #[serde(rename = "wrappedDEK")]
    wrapped_dek: String,
    double_wrapping: bool,
}

impl KeyMaterial {
    pub(super) fn of(key: &Key) -> Self {
        Self {
            key_material_type: "PKMT1".to_owned(),
            internal_storage: true,
            is_footer_key: true,
            kms_instance_id: "DEFAULT".to_owned(),
            kms_instance_url: "DEFAULT".to_owned(),
            master_key_id: key.name().to_owned(),
            wrapped_dek: key.fingerprint(),
            double_wrapping: false,
        }
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts are JSON")
    }
}

/// Finds the key of a file on the ring.
#[derive(Debug)]
pub(super) struct Retriever(pub(super) Keyring);

impl KeyRetriever for Retriever {
    fn retrieve_key(&self, key_metadata: &[u8]) -> parquet::errors::Result<Vec<u8>> {
        let (name, fingerprint) = match serde_json::from_slice::<KeyMaterial>(key_metadata) {
            Ok(material) => (material.master_key_id, material.wrapped_dek),
            // Another program's.
            Err(_) => (
                String::from_utf8_lossy(key_metadata).into_owned(),
                "not a key of Reprise".to_owned(),
            ),
        };
        let key = self.0.find(&name, &fingerprint);
        let key = key.map_err(|locked| ParquetError::External(Box::new(locked)))?;
        Ok(key.secret.clone())
    }
}
