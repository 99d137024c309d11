"""Triggers: what was said stays said, and the event log only grows.

Of an entry may change how it is shown (`erased_at`, `moved_to`, and its search words with them), what
became of its delivery, and the revision that tells clients of it. Its text may be written anew
under another encryption key, in a transaction that says so (`hub.reencrypting`).
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION conversations_refuse_entry_change() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    changeable text[] := ARRAY[
        'erased_at', 'moved_to_id', 'words', 'delivery_state', 'delivery_error', 'revision'];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF current_setting('hub.reencrypting', true) = 'on' THEN
            changeable := changeable || 'body'::text;
        END IF;
        IF to_jsonb(NEW) - changeable = to_jsonb(OLD) - changeable THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'Entries are append-only: % refused.', TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END
$body$;

CREATE FUNCTION conversations_refuse_event_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION 'The event log is append-only: % refused.', TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END
$body$;

CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE ON conversations_entry
    FOR EACH ROW EXECUTE FUNCTION conversations_refuse_entry_change();
CREATE TRIGGER entry_no_truncate BEFORE TRUNCATE ON conversations_entry
    FOR EACH STATEMENT EXECUTE FUNCTION conversations_refuse_entry_change();
CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE ON conversations_contactevent
    FOR EACH ROW EXECUTE FUNCTION conversations_refuse_event_change();
CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON conversations_contactevent
    FOR EACH STATEMENT EXECUTE FUNCTION conversations_refuse_event_change();
"""

DROP = """
DROP TRIGGER event_no_truncate ON conversations_contactevent;
DROP TRIGGER event_append_only ON conversations_contactevent;
DROP TRIGGER entry_no_truncate ON conversations_entry;
DROP TRIGGER entry_append_only ON conversations_entry;
DROP FUNCTION conversations_refuse_event_change();
DROP FUNCTION conversations_refuse_entry_change();
"""


class Migration(migrations.Migration):
    dependencies = [("conversations", "0001_initial")]

    operations = [migrations.RunSQL(CREATE, reverse_sql=DROP)]
