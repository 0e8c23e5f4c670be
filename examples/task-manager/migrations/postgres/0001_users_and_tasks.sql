CREATE TABLE users (
    name          TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL,
    created_at    BIGINT NOT NULL
);

-- A task is pending until `completed_at` says otherwise. Times are Unix seconds.
CREATE TABLE tasks (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title        TEXT NOT NULL,
    created_by   TEXT NOT NULL REFERENCES users (name),
    created_at   BIGINT NOT NULL,
    completed_at BIGINT
);
