"""BentoML: an image in a form, a worker process for each core.

bentoml serve bentoml_app:Classifier
"""

from typing import Any

import bentoml
import PIL.Image
from loading import load_model


@bentoml.service(workers="cpu_count")
class Classifier:
    """Loads the model in each worker."""

    def __init__(self) -> None:
        self.model = load_model()

    @bentoml.api
    def classify(self, image: PIL.Image.Image) -> dict[str, Any]:
        """Answer with the label of the uploaded image."""
        return self.model.classify(image)
