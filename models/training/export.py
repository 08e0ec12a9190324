"""Turns a checkpoint into the folder that faster-whisper loads.

    python -m models.training.export build/demo-whisper models/demo-whisper

The phoneme head stays behind; the weights become int8.
"""

import argparse
import json
import shutil
import tempfile
from functools import partial
from pathlib import Path

import torch
from ctranslate2.converters import TransformersConverter
from tokenizers import Tokenizer
from transformers import GenerationConfig, PreTrainedTokenizerFast, WhisperConfig, WhisperForConditionalGeneration

from models.training.tokens import LANGUAGES, number

PREPROCESSOR = {
    "chunk_length": 30, "feature_extractor_type": "WhisperFeatureExtractor", "feature_size": 80, "hop_length": 160,
    "n_fft": 400, "n_samples": 480000, "nb_max_frames": 3000, "padding_side": "right", "padding_value": 0.0,
    "processor_class": "WhisperProcessor", "return_attention_mask": False, "sampling_rate": 16000,
}  # fmt: skip


def to_transformers(folder: Path, out: Path) -> None:
    saved = torch.load(folder / "checkpoint.pt", weights_only=True)
    shape, tokenizer = saved["shape"], Tokenizer.from_file(str(folder / "tokenizer.json"))
    token = partial(number, tokenizer)
    end, start = token("<|endoftext|>"), token("<|startoftranscript|>")
    config = WhisperConfig(
        vocab_size=shape["vocabulary"], num_mel_bins=shape["mels"], d_model=shape["width"],
        encoder_layers=shape["encoder_layers"], decoder_layers=shape["decoder_layers"],
        encoder_attention_heads=shape["heads"], decoder_attention_heads=shape["heads"],
        encoder_ffn_dim=4 * shape["width"], decoder_ffn_dim=4 * shape["width"],
        max_source_positions=shape["positions"], max_target_positions=shape["tokens"],
        decoder_start_token_id=start, eos_token_id=end, pad_token_id=end, bos_token_id=end,
        suppress_tokens=[], begin_suppress_tokens=[],
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    state = {f"model.{name}": value for name, value in saved["model"].items() if not name.startswith("phoneme_head")}
    missing, unexpected = model.load_state_dict(state, strict=False)
    if set(missing) - {"proj_out.weight"} or unexpected:
        raise ValueError(f"checkpoint and architecture differ: missing {missing}, unexpected {unexpected}")
    model.tie_weights()
    model.generation_config = GenerationConfig(
        decoder_start_token_id=start, eos_token_id=end, pad_token_id=end, bos_token_id=end,
        suppress_tokens=[end], begin_suppress_tokens=[token("Ġ"), end],
        no_timestamps_token_id=token("<|notimestamps|>"), is_multilingual=True,
        lang_to_id={f"<|{code}|>": token(f"<|{code}|>") for code in LANGUAGES},
        task_to_id={"transcribe": token("<|transcribe|>"), "translate": token("<|translate|>")},
        alignment_heads=[[shape["decoder_layers"] - 1, 0], [shape["decoder_layers"] - 1, 1]],
    )  # fmt: skip
    model.generation_config.suppress_tokens = [
        token(f"<|{name}|>")
        for name in ("startoftranscript", "startoflm", "startofprev", "nospeech", "translate", "transcribe")
    ]
    model.save_pretrained(out)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|endoftext|>", bos_token="<|endoftext|>", unk_token="<|endoftext|>"
    ).save_pretrained(out)
    shutil.copy(folder / "tokenizer.json", out / "tokenizer.json")
    (out / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        to_transformers(arguments.folder, Path(scratch))
        converter = TransformersConverter(scratch, copy_files=["tokenizer.json", "preprocessor_config.json"])
        with tempfile.TemporaryDirectory() as made:
            converter.convert(f"{made}/model", quantization="int8", force=True)
            arguments.out.mkdir(parents=True, exist_ok=True)
            for path in Path(made, "model").iterdir():
                shutil.copy(path, arguments.out / path.name)
    print(f"exported to {arguments.out}")


if __name__ == "__main__":
    main()
