"""Settings: where they come from, which wins, and how mistakes are said."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from embodied_agent.errors import SettingsError
from embodied_agent.settings import Settings, load_settings


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_without_any_source_the_defaults_hold() -> None:
    assert load_settings() == Settings()


def test_the_command_line_beats_the_environment_which_beats_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write(
        tmp_path / "a.yaml",
        "keyframes: {features: 111, min_matches: 11, ransac_px: 1}\nsource: {fps: 3}",
    )
    monkeypatch.setenv("EMBODIED_AGENT_KEYFRAMES__FEATURES", "222")
    monkeypatch.setenv("EMBODIED_AGENT_KEYFRAMES__MIN_MATCHES", "22")
    made = load_settings(config, keyframes__features=333, source__fps=None)
    assert made.keyframes.features == 333
    assert made.keyframes.min_matches == 22
    assert made.keyframes.ransac_px == 1
    assert made.source.fps == 3


def test_nested_sections_are_merged_setting_by_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write(tmp_path / "a.yaml", "perception: {server: {model: big, timeout_s: 5}}")
    monkeypatch.setenv("EMBODIED_AGENT_PERCEPTION__SERVER__TIMEOUT_S", "7")
    server = load_settings(config).perception.server
    assert (server.model, server.timeout_s) == ("big", 7)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "keyframes:\n  # method: paper\n"])
def test_an_empty_file_or_section_changes_nothing(tmp_path: Path, text: str) -> None:
    assert load_settings(write(tmp_path / "a.yaml", text)) == Settings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("keyframes: {metod: paper}", r"keyframes\.metod"),
        ("keyframes: {method: best}", r"keyframes\.method.*'best'"),
        ("keyframes: {overlap_threshold: 1.5}", r"keyframes\.overlap_threshold.*1\.5"),
        ("keyframes: 3", "keyframes"),
        ("keyframe: {method: paper}", "keyframe"),
        ("1: 2", "1"),
        ("- a\n- b", "sections"),
        ("just text", "sections"),
        ("a: [", r"a\.yaml"),
        ("a: !!python/object/apply:os.system ['true']", r"a\.yaml"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load_settings(write(tmp_path / "a.yaml", text))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("keyframes.metod", "keyframes.method"),
        ("keyframe.method", "keyframes.method"),
        ("perception.base_url", "perception.server.base_url"),
        ("reasoning.server.modell", "reasoning.server.model"),
    ],
)
def test_a_misspelt_setting_is_refused_with_a_suggestion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    *sections, leaf = name.split(".")
    text = f"{leaf}: 1"
    for section in reversed(sections):
        text = f"{section}: {{{text}}}"
    section, _, rest = meant.partition(".")
    with pytest.raises(SettingsError, match=rf"did you mean {section}"):
        load_settings(write(tmp_path / "a.yaml", text))
    with pytest.raises(SettingsError, match=rf"did you mean .*{section}"):
        load_settings(**{name.replace(".", "__"): 1})
    monkeypatch.setenv(f"EMBODIED_AGENT_{name.upper().replace('.', '__')}", "1")
    with pytest.raises(SettingsError, match=f"(?i)did you mean .*{section}(__|.){rest[:6]}"):
        load_settings()


def test_a_name_like_no_other_gets_no_suggestion() -> None:
    with pytest.raises(SettingsError, match=r"foo is not a setting; docs/settings\.md"):
        load_settings(foo__bar=1)


def test_variables_that_a_platform_sets_for_its_own_ends_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EMBODIED_AGENT_PORT_8080_TCP", "tcp://10.0.0.1:8080")
    assert load_settings() == Settings()


def test_a_secret_is_not_repeated_in_the_message_about_it() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(web__token="too-short")
    assert "web.token" in str(caught.value)
    assert "too-short" not in str(caught.value)


def test_a_folder_is_not_a_settings_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not a file"):
        load_settings(tmp_path)


def test_an_absent_or_undecodable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.yaml"):
        load_settings(tmp_path / "absent.yaml")
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(SettingsError, match=r"a\.yaml"):
        load_settings(tmp_path / "a.yaml")


def test_all_mistakes_are_said_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(keyframes__features=1, source__fps=0)
    assert "keyframes.features" in str(caught.value)
    assert "source.fps" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("EMBODIED_AGENT_KEYFRAMES__FEATURES", "many", r"keyframes\.features"),
        ("EMBODIED_AGENT_KEYFRAMES", "{broken", "environment"),
    ],
)
def test_a_mistake_in_the_environment_is_said(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=words):
        load_settings()


def test_a_key_is_not_shown_with_the_settings() -> None:
    made = load_settings(reasoning__server__api_key="s3cret")
    assert "s3cret" not in repr(made)
    assert "s3cret" not in made.model_dump_json()
    key = made.reasoning.server.api_key
    assert key is not None
    assert key.get_secret_value() == "s3cret"


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().keyframes.features = 5  # type: ignore[misc]


@given(st.text(max_size=80))
@hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_text_as_a_file_gives_settings_or_a_settings_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        made = load_settings(tmp_path / "a.yaml")
    except SettingsError as error:
        made = None
        said = str(error)
        assert said
    assert made is None or isinstance(made, Settings)


@pytest.mark.parametrize(
    "name", ["reasoning.restate", "reasoning.verify.mode", "reasoning.second_look.mode"]
)
def test_on_and_off_need_no_quotes_in_yaml(name: str, tmp_path: Path) -> None:
    for word in ("on", "off"):
        text = word
        for part in reversed(name.split(".")):
            text = f"{{{part}: {text}}}"
        path = tmp_path / f"{word}.yaml"
        path.write_text(text)
        loaded: object = load_settings(path)
        for part in name.split("."):
            loaded = getattr(loaded, part)
        assert loaded == word
