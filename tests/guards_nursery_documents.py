"""Guards of documents of applications."""

from __future__ import annotations

from tests.guard import Guard

GUARDS = (
    Guard(
        "a file that is handed in is not pruned meanwhile",
        "domain/enrolment_documents.py",
        '    await sql.enrolment_documents.lock_files(conn, enrolment_id=enrolment["id"], file_ids=file_ids)\n',
        "test_enrolment_documents.py::test_a_file_is_not_pruned_while_it_is_handed_in",
    ),
    Guard(
        "unused files are counted one upload at a time",
        "domain/files.py",
        "        await sql.sessions.lock_account(conn, account_id=account_id)\n",
        "test_enrolment_documents.py::test_a_family_stores_documents_so_many_at_a_time",
    ),
)
