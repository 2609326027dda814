"""Words that mean something to the reader, in the languages of the files that we have seen.

Everything is in lower case; headings and keys are compared in lower case.
"""

from __future__ import annotations

import re
from functools import lru_cache


def _any(*words: str) -> str:
    return "|".join(words)


# Headings of sections that state what depends on what.
_DEPENDENCIES = (
    "dependenc", "depends", "dependenz", "依赖", "依賴", "依存", "의존", "종속", "dépendance", "dependência",
    "abhängigkeit", "зависимост", "phụ thuộc", "dipendenz", "zależno", "bağımlılık", "execution order",
    "critical path", "التبعيات", "执行顺序", "執行順序", "关键路径", "關鍵路徑", "実行順序", "クリティカルパス",
    "실행 순서", "임계 경로", "orden de ejecución", "ruta crítica", "ordem de execução", "caminho crítico",
    "ordre d'exécution", "chemin critique", "ausführungsreihenfolge", "kritischer pfad", "порядок выполнения",
    "критический путь", "thứ tự thực hiện", "ketergantungan",
)  # fmt: skip

# Prerequisites in a file that describes a task; elsewhere rather what is to be installed.
DEPENDENCIES_HEADING = re.compile(
    r"^[\W_]*(?:dependencies|依赖(?:关系|项)?|依賴(?:關係|項)?|依存関係|의존성|dépendances|dependencias|dependências|"
    r"abhängigkeiten|зависимости)[\W_]*$"
)

# Headings of lists whose boxes are conditions, not tasks.
NOT_TASKS_HEADING = re.compile(
    _any(
        r"definition of (?:done|ready)", r"\bdod\b", r"done when", r"acceptance (?:criteria|checklist|tests?)",
        r"success (?:criteria|metrics|factors)", r"exit criteria", r"completion criteria",
        r"(?:validation|verification|review|compliance|quality|readiness|submission|release|constitution|"
        r"completion|sign-?off|pre-?(?:flight|commit|pr|merge)|security|self-?review|gate|final|"
        r"(?:manual|visual)(?= (?:testing|tests?|qa) )) (?:\w+ )?checklist",
        r"checklist (?:before|for|summary|final)", r"checklist de (?:validación|verificación|validação|verificação)",
        r"quality gates?(?=\W*$|\s*[(:—–-])", r"^[\W\d_]*pre-?requisites?\b", r"\bqa results\b",
        r"improvements? checklist", r"external dependenc", DEPENDENCIES_HEADING.pattern,
        r"out of scope", r"non-?goals", r"open questions", r"\blegend\b",
        r"status key", r"sign-?off",
        "完成定义", "完成定義", "完成标准", "完成標準", "验收标准", "驗收標準", "验收条件", "验证清单", "驗證清單",
        "检查清单", "檢查清單", "成功标准", "成功標準", "質量門檻",
        r"^[^(（]*(?:前置条件|前置條件|前提条件|전제 조건)",
        "完了の定義", "完了条件", "受け入れ基準", "受入基準", "受入条件", "検証チェックリスト", "成功基準",
        "완료 정의", "완료 기준", "인수 조건", "수용 기준", "검증 체크리스트", "성공 기준",
        "criterios? de (?:aceptación|éxito)", "definición de (?:hecho|terminado)", "prerrequisitos",
        "critérios? de (?:aceitação|aceite|sucesso)", "definição de pronto", "pré-requisitos",
        "critères? d(?:'|’|e )(?:acceptation|succès)", "définition de (?:terminé|fini)", "prérequis",
        "akzeptanzkriterien", "abnahmekriterien", "erfolgskriterien", "voraussetzungen",
        "критерии (?:приемки|приёмки|готовности|успеха)", "определение готовности", "предпосылки",
        "tiêu chí (?:chấp nhận|hoàn thành)", "điều kiện tiên quyết",
    )
)  # fmt: skip

# Headings that only say "here are the tasks".
CONTAINER_HEADING = re.compile(
    r"[\W_\d]*(?:(?:implementation|development|actionable|detailed|project|all|the|work)\s+)*"
    r"(?:(?:tasks?|todos?|to-?dos?|subtasks?)(?:\s+(?:list|checklist|breakdown|overview|created|plan|items?|groups?)|"
    r"\s*/\s*subtasks?)?|implementation plan|checklist|work breakdown|"
    r"任务(?:列表|清单|分解)?|任務(?:列表|清單|分解)?|实施计划|實施計劃|実装計画|実装タスク|タスク(?:リスト|一覧)?|"
    r"작업(?: 목록)?|구현 (?:계획|작업)|(?:lista de )?tareas?(?: de (?:implementación|desarrollo))?|"
    r"(?:lista de )?tarefas?(?: de (?:implementação|desenvolvimento))?|tâches?(?: d['’]implémentation)?|"
    r"liste des tâches|aufgaben?|задачи|список задач|plan de implementación|nhiệm vụ)[\W_]*"
)

# Headings of phases, whatever their level.
PHASE_HEADING = re.compile(
    r"[\W_]*(?:implementation\s+)?(?:phase|stage|milestone|sprint|iteration|wave|work package|story|user story|"
    r"fase|étape|etapa|фаза|этап|阶段|階段|フェーズ|단계|giai đoạn|aşama)(?![^\W\d_])"
)

DEPENDS_KEYS = frozenset(
    {
        "depends on", "depends", "dependson", "dependencies", "dependency", "deps", "dep",
        "depends upon", "blocked by", "blockedby", "waits for", "prerequisites", "prerequisite",
        "pre requisites", "prereqs", "prereq", "requires", "after",
        "依赖", "依賴", "依赖项", "依賴項", "依赖任务", "依赖关系", "依賴關係", "依赖于",
        "前置", "前置任务", "前置任務", "前置依赖", "前置依賴",
        "依存", "依存関係", "依存タスク", "前提タスク", "先行タスク",
        "의존", "의존성", "의존 관계", "의존 작업", "선행", "선행 작업", "선행 태스크", "dependencia", "dependencias",
        "depende", "depende de", "dependência", "dependências", "dépendance", "dépendances", "dépend de",
        "abhängigkeit", "abhängigkeiten", "abhängig von", "hängt ab von", "зависимость", "зависимости", "зависит от",
        "phụ thuộc", "dipendenze", "dipende da", "zależności", "zależy od", "ketergantungan", "bergantung pada",
        "voraussetzung", "voraussetzungen", "benötigt", "prerrequisitos", "pré requisitos", "prérequis",
        "predecessor", "predecessors", "needs", "waits on", "bağımlılıklar", "التبعيات", "يعتمد على", "تعتمد على",
    }
)  # fmt: skip

BLOCKS_KEYS = frozenset({"blocks", "blocking", "unblocks", "阻塞", "ブロック"})

FILES_KEYS = frozenset(
    {
        "files", "file", "file(s)", "path", "paths", "target file", "target files", "files to modify",
        "files to create", "files to edit", "files to change", "files to update", "files modified", "modified files",
        "files changed", "changed files", "files affected", "affected files", "files touched", "touched files",
        "key files", "owned files", "new files", "test file", "test files", "create", "create file", "modify",
        "modify file", "files created", "created files", "file created", "file modified", "target", "location",
        "文件", "檔案", "档案", "涉及文件", "修改文件", "文件路径",
        "ファイル", "対象ファイル", "変更ファイル", "파일", "대상 파일", "테스트 파일", "수정 파일", "신규 파일",
        "archivos", "archivo", "arquivos", "arquivo", "fichiers", "fichier", "dateien", "datei", "файлы",
        "файл", "tệp",
    }
)  # fmt: skip

STATUS_KEYS = frozenset(
    {
        "status", "state", "状态", "狀態", "ステータス", "状態", "상태", "estado", "statut", "статус", "trạng thái",
        "durum", "stato",
    }
)  # fmt: skip

# Keys whose value may be a list below them.
LISTED_KEYS = DEPENDS_KEYS | BLOCKS_KEYS | FILES_KEYS

VERIFY_KEYS = frozenset({"verify", "verification", "verify command"})

# How a status that means "done" starts; compiled when there is one.
DONE_STATUS = (
    r"[\W_]*(?:\[[xX]\]|✅|✔|☑|(?:100\s*% )?(?:completed?|done|finished|implemented|merged|closed|shipped|"
    r"已?完成|完了|済|완료|completad[oa]|hech[oa]|terminad[oa]|concluíd[oa]|feit[oa]|terminée?|fait|"
    r"fertig|erledigt|abgeschlossen|завершен[оа]?|завершён|готово|выполнен[оа]?|виконано|(?:đã )?hoàn thành|xong|"
    r"fatto|completat[oa]|selesai|tamamlandı|zakończon[eoay]|voltooid|100\s*%)(?!\w))"
)

# Words between a task and those that it waits for, as regular expressions of whole words: what announces
# prerequisites and what relates two tasks are made of them. The first kind can hardly be about anything else.
SURELY_WAITS = (
    r"depend(?:s|ent|ing)?[ _-]?(?:only |solely |directly |also )?(?:up)?on", r"dependenc(?:y|ies) on",
    r"blocked[ _-]?by", r"depende[nm]? d[eao]s?", r"dépend(?:ent)? d(?:es?|u|['’])", r"завис[яи]т от",
    r"залеж[иа]ть від", r"häng(?:t|en) (?:ab )?von", r"abhängig von", r"phụ thuộc(?: vào)?",
    r"dipend(?:e|ono) da", r"afhankelijk van", r"beroende av", r"zależ[yą] od", r"[bt]ergantung pada",
    r"[وف]?[يت]عتمد على", r"blockiert (?:durch|von)", r"блокируется", r"bloccat[oa] da",
)  # fmt: skip
WAITS = (
    r"after", r"requires?", r"needs?", r"waits? (?:for|on)", r"once", r"as soon as", r"rel(?:y|ies) on",
    r"blocked[ _-]?(?:on|until|behind)", r"gated[ _-]?(?:by|on|until|behind)",
    r"bloquead[oa]s? (?:por|pel[oa]s?)", r"bloquée?s? par", r"después de", r"depois d[eao]s?", r"tras",
    r"requier(?:en?|t)", r"neces?sitan?(?: de)?", r"após", r"requer(?:em)?", r"necessitam?", r"après",
    r"nécessite(?:nt)?", r"после", r"після", r"требу[ею]т", r"потребу[єю]", r"nach",
    r"(?:benötig|brauch|erforder)(?:t|en)", r"sau", r"cần", r"wymaga(?:ją)?", r"setelah", r"membutuhkan",
    r"dopo", r"richied(?:e|ono)", r"بعد", r"[يت]تطلب",
)  # fmt: skip

NOTHING = frozenset(
    {
        "", "-", "–", "—", "none", "no", "nothing", "n/a", "na", "null", "nil", "[]", "無", "无", "なし",
        "无依赖", "無依賴",
        "없음", "ninguna", "ninguno", "nenhuma", "nenhum", "aucune", "aucun", "keine", "нет", "không", "nessuna",
        "لا",
    }
)  # fmt: skip


@lru_cache
def is_about_dependencies(heading: str) -> bool:
    """Whether a heading is that of a section which states what depends on what."""
    heading = heading.lower()
    return any(word in heading for word in _DEPENDENCIES)
