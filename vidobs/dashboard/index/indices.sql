-- Every index ends with the place of the job, so that each gives its jobs in order.

-- job_state --
CREATE INDEX IF NOT EXISTS job_state ON job (state);

-- job_provider --
CREATE INDEX IF NOT EXISTS job_provider ON job (provider);

-- job_model --
CREATE INDEX IF NOT EXISTS job_model ON job (model);

-- job_user --
CREATE INDEX IF NOT EXISTS job_user ON job (user) WHERE user IS NOT NULL;

-- job_reason --
CREATE INDEX IF NOT EXISTS job_reason ON job (reason) WHERE reason IS NOT NULL;

-- job_failure --
CREATE INDEX IF NOT EXISTS job_failure ON job (failure) WHERE failure IS NOT NULL;

-- job_running --
CREATE INDEX IF NOT EXISTS job_running ON job (seq) WHERE flags & 1;

-- job_stuck --
CREATE INDEX IF NOT EXISTS job_stuck ON job (seq) WHERE flags & 2;

-- job_unread --
CREATE INDEX IF NOT EXISTS job_unread ON job (seq) WHERE flags & 8;

-- job_expires --
CREATE INDEX IF NOT EXISTS job_expires ON job (expires_us, seq) WHERE flags & 8;

-- job_unpriced --
CREATE INDEX IF NOT EXISTS job_unpriced ON job (seq) WHERE flags & 32;

-- job_adopted --
CREATE INDEX IF NOT EXISTS job_adopted ON job (seq) WHERE flags & 64;
