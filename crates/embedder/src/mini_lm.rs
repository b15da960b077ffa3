//! all-MiniLM-L6-v2, computed in this process.
//!
//! As its model card says: word pieces, six BERT layers, the mean over all tokens, length 1. At most 256 tokens of a text
//! are read, as `max_seq_length` in its sentence_bert_config.json says.
//! <https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2>

use crate::{error::EmbedError, normalise, weights::Weights};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use std::collections::HashMap;
use tokenizers::{Tokenizer, TruncationParams};

/// How many numbers a vector has.
pub const DIMENSIONS: usize = 384;
/// More of a text is not read.
const LONGEST: usize = 256;
/// How many tokens, padding included, are computed at once: more gains no speed and takes memory.
const BATCH_TOKENS: usize = 2048;

/// The model, ready.
pub struct MiniLm {
    model: BertModel,
    tokenizer: Tokenizer,
}

impl MiniLm {
    /// From its files; takes about 200 MB for a moment, and 90 MB after that.
    pub fn load(weights: Weights) -> Result<Self, EmbedError> {
        let config: Config =
            serde_json::from_slice(&weights.config).map_err(|error| EmbedError::Files(error.to_string()))?;
        let mut tokenizer = Tokenizer::from_bytes(&weights.tokenizer)
            .map_err(|error| EmbedError::Files(error.to_string()))?;
        // Its own file pads everything to 128 tokens.
        tokenizer.with_padding(None);
        let truncation = TruncationParams {
            max_length: LONGEST,
            ..TruncationParams::default()
        };
        tokenizer
            .with_truncation(Some(truncation))
            .map_err(|error| EmbedError::Files(error.to_string()))?;
        let tensors = laid_out(&weights.model)?;
        drop(weights.model);
        Ok(Self {
            model: BertModel::load(
                VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu),
                &config,
            )?,
            tokenizer,
        })
    }

    /// One vector of length 1 for each text, in their order. Takes processor time: about 10 ms for a question, 50 ms for a
    /// long passage.
    pub fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let tokens = texts
            .iter()
            .map(|text| {
                let encoding = self
                    .tokenizer
                    .encode_fast(*text, true)
                    .map_err(|error| candle_core::Error::Msg(error.to_string()))?;
                Ok(encoding.get_ids().to_vec())
            })
            .collect::<Result<Vec<Vec<u32>>, EmbedError>>()?;
        // Texts of about the same length together: padding costs as much as text.
        let mut order: Vec<usize> = (0..tokens.len()).collect();
        order.sort_by_key(|&i| tokens[i].len());
        let mut vectors = vec![Vec::new(); tokens.len()];
        let mut rest = order.as_slice();
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(batch_size(rest, &tokens));
            rest = after;
            let together: Vec<&[u32]> = batch.iter().map(|&i| tokens[i].as_slice()).collect();
            for (&i, vector) in batch.iter().zip(self.compute(&together)?) {
                vectors[i] = vector;
            }
        }
        Ok(vectors)
    }

    /// `batch`: token ids, the longest last.
    fn compute(&self, batch: &[&[u32]]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let length = batch.last().map_or(0, |ids| ids.len());
        let shape = (batch.len(), length);
        let padded = |of: &dyn Fn(&[u32]) -> Vec<u32>| -> Vec<u32> {
            let mut all = Vec::with_capacity(batch.len() * length);
            for (row, ids) in batch.iter().enumerate() {
                all.extend(of(ids));
                all.resize((row + 1) * length, 0);
            }
            all
        };
        let ids = Tensor::from_vec(padded(&<[u32]>::to_vec), shape, &Device::Cpu)?;
        let mask = Tensor::from_vec(padded(&|ids| vec![1; ids.len()]), shape, &Device::Cpu)?;
        let hidden = self.model.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
        let hidden: Vec<Vec<Vec<f32>>> = hidden.to_vec3()?;
        Ok(batch
            .iter()
            .zip(hidden)
            .map(|(ids, tokens)| {
                let mut mean = vec![0.0f32; tokens.first().map_or(0, Vec::len)];
                for token in &tokens[..ids.len()] {
                    mean.iter_mut().zip(token).for_each(|(sum, x)| *sum += x);
                }
                // The mean's length does not matter: it becomes 1.
                normalise(&mut mean);
                mean
            })
            .collect())
    }
}

/// The model's numbers, each matrix in memory as it is multiplied. A layer multiplies with the transposed of what its file
/// has; as the file has it, all of it would be put in order again for every text, which for the few words of a question
/// takes longer than the multiplication.
fn laid_out(model: &[u8]) -> candle_core::Result<HashMap<String, Tensor>> {
    let mut tensors = candle_core::safetensors::load_buffer(model, &Device::Cpu)?;
    for (name, tensor) in &mut tensors {
        if tensor.rank() == 2 && !name.contains(LOOKED_UP) {
            *tensor = tensor.t()?.contiguous()?.t()?;
        }
    }
    Ok(tensors)
}

/// Begins the names of matrices of which rows are looked up, and that nothing is multiplied with.
const LOOKED_UP: &str = "embeddings.";

/// How many of the next texts, shortest first, are computed together.
fn batch_size(order: &[usize], tokens: &[Vec<u32>]) -> usize {
    (1..=order.len())
        .take_while(|&count| count == 1 || count * tokens[order[count - 1]].len() <= BATCH_TOKENS)
        .last()
        .unwrap_or(order.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_computed_together_up_to_a_limit() {
        let tokens: Vec<Vec<u32>> = [4, 4, 1020, 5000].map(|length| vec![0; length]).into();
        let order = [0, 1, 2, 3];

        assert_eq!(batch_size(&order, &tokens), 2);
        assert_eq!(batch_size(&order[3..], &tokens), 1);
    }
}
