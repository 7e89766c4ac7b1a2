"""Weights from the Hugging Face hub: safetensors only, and never a repository's own code."""

from __future__ import annotations

import errno
import re
from pathlib import Path

from models.conversion import Progress
from models.manifest import CheckpointError

IDENTIFIER = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
WANTED = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]
UNWANTED = ["original/*", "onnx/*", "openvino/*"]


def download(identifier: str, folder: Path, progress: Progress) -> Path:
    """Fetch `owner/name` into the cache at `folder`; what is there already is not fetched again."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
    )

    progress(0.0, f"Fetching {identifier} from the hub")
    try:
        return Path(
            snapshot_download(identifier, cache_dir=folder, allow_patterns=WANTED, ignore_patterns=UNWANTED),
        )
    except GatedRepoError as error:
        raise CheckpointError(
            f"The model {identifier} asks for an agreement first.",
            f"Accept it at https://huggingface.co/{identifier} and set HF_TOKEN to your token.",
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise CheckpointError(
            f"The hub has no model {identifier}.", "Check MODEL for typing errors; private models need HF_TOKEN."
        ) from error
    except Exception as error:  # whatever the network and the disk do to the client library
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise CheckpointError(
                f"The model {identifier} could not be stored in {folder} ({error.strerror}).",
                "Free some room or set DATA_DIR to a folder on another disk, then start again.",
            ) from error
        raise CheckpointError(
            f"The model {identifier} could not be fetched: the hub cannot be reached.",
            "Check the network, or download it elsewhere and set MODEL to its folder, or use MODEL=embedded.",
        ) from error
