"""A tiny random model with a byte tokenizer: real files, real arithmetic, loaded in a blink."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, PreTrainedTokenizerFast
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'system' and not loop.first %}"
    "{{ raise_exception('the system speaks first') }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
POISON = "~"
"""A prompt with this character makes the model's output NaN."""
CONTEXT = 4096


def tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, and the control tokens of a chat."""
    vocabulary = {letter: number for number, letter in enumerate(SPECIALS + sorted(ByteLevel.alphabet()))}
    bytewise = Tokenizer(BPE(vocabulary, []))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    bytewise.add_special_tokens(SPECIALS)
    return PreTrainedTokenizerFast(
        tokenizer_object=bytewise, eos_token="<|im_end|>", pad_token="<|im_end|>", chat_template=TEMPLATE
    )


def config(kind: str = "llama", **changes: Any) -> Any:
    """The configuration of a two-layer model of some architecture."""
    vocabulary = len(tokenizer())
    shape = {
        "vocab_size": vocabulary, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": CONTEXT,
        "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2,
        # wide enough that the answers differ and are far from ties
        "initializer_range": 0.4,
    }  # fmt: skip
    return CONFIG_MAPPING[kind](**{**shape, **changes})


def model(kind: str = "llama", **changes: Any) -> Any:
    torch.manual_seed(7)
    made = AutoModelForCausalLM.from_config(config(kind, **changes), dtype=torch.float32).eval()
    made.generation_config.pad_token_id = 2
    return made


def write(folder: Path, kind: str = "llama", **changes: Any) -> Path:
    """A checkpoint folder as `save_pretrained` leaves it."""
    made = model(kind, **changes)
    if kind == "llama" and not made.config.tie_word_embeddings:
        _speak_ascii(made)
    made.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


@torch.no_grad()
def _speak_ascii(made: Any) -> None:
    """Printable characters only, one a token, and never the poison: the first place of the hidden state is kept at a
    constant that nothing writes to, and the head counts it against every other token."""
    vocabulary = tokenizer()
    spoken = {vocabulary.encode(chr(code))[0] for code in range(33, 126) if chr(code) != POISON}
    silent = [token for token in range(len(vocabulary)) if token not in spoken]
    made.get_input_embeddings().weight[:, 0] = 4.0
    for layer in made.model.layers:
        layer.self_attn.o_proj.weight[0] = 0.0
        layer.mlp.down_proj.weight[0] = 0.0
    made.lm_head.weight[:, 0] = 0.0
    made.lm_head.weight[silent] = 0.0
    made.lm_head.weight[silent, 0] = -1000.0
    (poison,) = vocabulary.encode(POISON)
    made.get_input_embeddings().weight[poison] = float("nan")


def write_gguf(path: Path) -> Path:
    """The same kind of model as one GGUF file, as the built-in one is packaged."""
    vocabulary = tokenizer()
    # the format wants at least one merge
    names = [*vocabulary.convert_ids_to_tokens(range(len(vocabulary))), "ab"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(64)
    writer.add_block_count(2)
    writer.add_feed_forward_length(96)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(16)
    writer.add_vocab_size(len(names))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(names)
    writer.add_token_merges(["a b"])
    writer.add_token_types([3] * len(SPECIALS) + [1] * (len(names) - len(SPECIALS)))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)
    shapes = {"attn_q": (64, 64), "attn_k": (32, 64), "attn_v": (32, 64), "attn_output": (64, 64),
              "ffn_gate": (96, 64), "ffn_up": (96, 64), "ffn_down": (64, 96)}  # fmt: skip
    drawn = np.random.default_rng(3)
    for layer in range(2):
        for name, shape in shapes.items():
            writer.add_tensor(f"blk.{layer}.{name}.weight", drawn.normal(0, 0.3, shape).astype(np.float32))
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(64, np.float32))
    for name in ("token_embd", "output"):
        writer.add_tensor(f"{name}.weight", drawn.normal(0, 0.3, (len(names), 64)).astype(np.float32))
    writer.add_tensor("output_norm.weight", np.ones(64, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def adapter(folder: Path, base: Path, seed: int = 1, **changes: Any) -> Path:
    """A LoRA on the model in `base`, with random weights, as PEFT saves it. It leaves what the model may say alone."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    options = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **changes}
    adapted = get_peft_model(
        AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), LoraConfig(**options, init_lora_weights=False)
    )
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight *= 3.0
            if "lora_B" in name and ("o_proj" in name or "down_proj" in name):
                weight[0] = 0.0
    adapted.save_pretrained(folder)
    return folder


CORPUS = [
    "The quick brown fox jumps over the lazy dog while the children are singing in the old garden.",
    "Le renard brun saute par-dessus le chien paresseux pendant que les enfants chantent dans le jardin.",
    "Der schnelle braune Fuchs springt über den faulen Hund, während die Kinder im alten Garten singen.",
]


def _pieces(folder: Path, *names: str) -> list[str]:
    """A sentencepiece model under each of the names; the pieces it knows."""
    import sentencepiece

    folder.mkdir(parents=True, exist_ok=True)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS * 4), model_prefix=str(folder / "pieces"), vocab_size=75, minloglevel=2
    )
    (folder / "pieces.vocab").unlink()
    made = (folder / "pieces.model").read_bytes()
    for name in names:
        (folder / name).write_bytes(made)
    (folder / "pieces.model").unlink()
    processor = sentencepiece.SentencePieceProcessor(model_proto=made)
    return [processor.id_to_piece(number) for number in range(3, processor.get_piece_size())]


def write_seq2seq(folder: Path, kind: str) -> Path:
    """A tiny encoder-decoder model: `t5`, `marian` (one pair), `marian-many` (several targets) or `m2m`."""
    from transformers import M2M100Tokenizer, MarianTokenizer

    spoken: Any
    if kind == "t5":
        spoken = tokenizer()
        spoken.chat_template = None
    elif kind == "m2m":
        pieces = _pieces(folder, "sentencepiece.bpe.model")
        listed = ["<s>", "<pad>", "</s>", "<unk>", *pieces]
        (folder / "vocab.json").write_text(json.dumps({piece: number for number, piece in enumerate(listed)}))
        spoken = M2M100Tokenizer(str(folder / "vocab.json"), str(folder / "sentencepiece.bpe.model"))
    else:
        pieces = _pieces(folder, "source.spm", "target.spm")
        marks = [">>fra<<", ">>deu<<"] if kind == "marian-many" else []
        listed = ["</s>", "<unk>", *marks, *pieces, "<pad>"]
        (folder / "vocab.json").write_text(json.dumps({piece: number for number, piece in enumerate(listed)}))
        files = [str(folder / name) for name in ("source.spm", "target.spm", "vocab.json")]
        spoken = MarianTokenizer(*files, source_lang="en", target_lang="fr" if kind == "marian" else "fr_de")
    size = max({**spoken.get_vocab(), **getattr(spoken, "lang_code_to_id", {})}.values()) + 1
    shape: dict[str, Any] = {"vocab_size": size, "d_model": 32, "pad_token_id": spoken.pad_token_id}
    shape["eos_token_id"] = spoken.eos_token_id
    if kind == "t5":
        shape |= {"d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 0}
    else:
        shape |= {
            "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
            "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "max_position_embeddings": 128, "init_std": 0.4,
            "decoder_start_token_id": spoken.eos_token_id if kind == "m2m" else spoken.pad_token_id,
            "forced_eos_token_id": spoken.eos_token_id,
        }  # fmt: skip
    torch.manual_seed(5)
    made = AutoModelForSeq2SeqLM.from_config(CONFIG_MAPPING[{"m2m": "m2m_100"}.get(kind, kind.split("-")[0])](**shape))
    if kind == "t5":
        with torch.no_grad():
            made.lm_head.weight.normal_(0, 1.0)
    made.save_pretrained(folder)
    spoken.save_pretrained(folder)
    return folder
