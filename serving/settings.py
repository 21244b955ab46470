"""Settings from the environment (`GREENLANE_...`) or a `.env` file. Secrets come from here and are never logged."""

import os
import secrets
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from data.pseudonyms import Pseudonyms
from serving.errors import SettingsError


class Settings(BaseSettings):
    """All that an installation may set."""

    model_config = SettingsConfigDict(env_prefix="GREENLANE_", env_file=".env", extra="ignore", frozen=True)

    var: Path = Path("var")
    """Where everything lives that is not code: the database, models, generated keys."""
    database: str | None = None
    """SQLAlchemy URL; without it, SQLite in `var`."""
    mlflow_config: Path = Path("mlflow.yaml")
    environment: Literal["trial", "production"] | None = None
    """Whether models are promoted on trial (by one person) or for production (passed gates, two people); without it, the embedded
    SQLite is a trial and a database server is production. A store that was in production once stays there."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    clock: Literal["system", "records"] = "system"
    """`records` takes each record's own time as now: for replaying the past, never for real clearance."""
    draw_key: SecretStr | None = None
    """The secret of the random lane; without it, one is made and kept in `var`."""
    pseudonym_key: SecretStr | None = None
    """The secret under which persons become pseudonyms; without it, one is made and kept in `var`."""
    pseudonym_key_id: str = "k1"
    """The id of that key, which stands in each pseudonym: a new secret needs a new id."""
    max_body_bytes: int = Field(default=8_000_000, ge=1_000)
    skew_every_seconds: float = Field(default=60, ge=0)
    """How often the service computes some of its decisions again, to see that none differs; 0 for never."""
    skew_sample: int = Field(default=10, ge=1, le=1_000)
    """How many decisions it takes each time. One pass over the records does for all of them."""
    monitor_every_seconds: float = Field(default=3_600, ge=0)
    """How often the service holds the models in use against their reference and the outcomes; 0 for never."""
    monitor_days: int = Field(default=28, ge=1)
    """How many days back it looks."""
    monitor_sample: int = Field(default=4_000, ge=100)
    """How many decisions it reads at most of these for inputs, and how many inspected ones for outcomes."""
    monitor_mature_days: int = Field(default=14, ge=0)
    """After how many days an inspection should have reported."""
    monitor_reference: int = Field(default=1_000, ge=100)
    """How many decisions, the first ones of a champion, are what its later ones are held against."""
    threads: int = Field(default=1, ge=1)
    """Cores for training. The answer path always uses one."""

    @property
    def database_url(self) -> str:
        """Where records are stored."""
        return self.database or f"sqlite:///{self.var / 'greenlane.db'}"

    @property
    def promotes_in(self) -> Literal["trial", "production"]:
        """How models are promoted, as far as the settings say."""
        return self.environment or ("trial" if self.database_url.startswith("sqlite") else "production")

    def draw_secret(self) -> bytes:
        """The key of the random lane."""
        return self._secret(self.draw_key, "draw.key")

    def pseudonyms(self) -> Pseudonyms:
        """What makes pseudonyms of persons.

        Raises:
            PseudonymError: where the key is too short or its id is badly written.
        """
        return Pseudonyms(
            self.pseudonym_key_id, self._secret(self.pseudonym_key, f"pseudonym-{self.pseudonym_key_id}.key")
        )

    def _secret(self, given: SecretStr | None, name: str) -> bytes:
        if given is not None:
            return given.get_secret_value().encode()
        path = self.var / name
        if not path.exists():
            self.var.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_hex(32))
        return path.read_text().strip().encode()


def read_settings() -> Settings:
    """The settings of the environment.

    Raises:
        SettingsError: naming each setting that is wrong, without its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        faults = (f"GREENLANE_{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise SettingsError("; ".join(faults)) from None
