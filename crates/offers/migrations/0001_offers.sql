-- Offers, what people do with them, and what is learned. Instants are microseconds since 1970 (UTC); amounts and
-- percentages are ten-thousandths of the chain's currency or of a percent.
--
-- inventory_own is what the merchant gives; inventory_effective is the smaller of it and what the stores have of the
-- product, when it was last looked at: stock-outs are changes of this column. out_since: when it ran out after having
-- been in stock. low_told: the low alert has been given and is not due again before there are more than five.
-- number: that of an id such as OFF012, so that the next can be found. target_segments: a JSON list.
CREATE TABLE offer (
    id TEXT PRIMARY KEY,
    number BIGINT,
    name TEXT NOT NULL,
    category TEXT NOT NULL,
    discount_type TEXT NOT NULL,
    discount_value BIGINT NOT NULL,
    priority BIGINT NOT NULL,
    inventory_own BIGINT NOT NULL CHECK (inventory_own >= 0),
    inventory_effective BIGINT NOT NULL CHECK (inventory_effective >= 0 AND inventory_effective <= inventory_own),
    out_since BIGINT,
    low_told BOOLEAN NOT NULL,
    expires_at BIGINT,
    min_purchase BIGINT,
    max_discount BIGINT,
    target_segments TEXT NOT NULL,
    margin_percent BIGINT,
    product_id BIGINT,
    status TEXT NOT NULL,
    deleted BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX offer_number ON offer (number) WHERE number IS NOT NULL;
CREATE INDEX offer_category ON offer (category, id);
CREATE INDEX offer_best ON offer (category, priority DESC, id)
    WHERE status = 'ACTIVE' AND NOT deleted AND inventory_effective > 0;
CREATE INDEX offer_out ON offer (category, id)
    WHERE out_since IS NOT NULL AND status = 'ACTIVE' AND NOT deleted;
CREATE INDEX offer_product ON offer (product_id) WHERE product_id IS NOT NULL;
CREATE INDEX offer_expiry ON offer (expires_at, id) 
    WHERE expires_at IS NOT NULL AND status <> 'EXPIRED' AND NOT deleted;

-- Its one row is updated first by whoever changes offers, and so held to the commit: all such changes, of whatever
-- process, come one after the other and see each other. recheck_after: all products' stock is to be looked at again,
-- from the one after this on.
CREATE TABLE offer_turn (id BIGINT PRIMARY KEY, number BIGINT NOT NULL, recheck_after BIGINT);
INSERT INTO offer_turn (id, number) VALUES (1, 0);

-- Traffic of an offer that ran out goes to another one of its category, while this row is there. to_offer is empty
-- while there is none.
CREATE TABLE offer_pivot (
    from_offer TEXT PRIMARY KEY,
    to_offer TEXT,
    category TEXT NOT NULL,
    since BIGINT NOT NULL
);
CREATE INDEX offer_pivot_category ON offer_pivot (category, from_offer);

-- Names of events already counted, for seven days. mark: which run of the command counted it.
CREATE TABLE offer_event_seen (event_id TEXT PRIMARY KEY, at BIGINT NOT NULL, mark UUID NOT NULL);
CREATE INDEX offer_event_seen_at ON offer_event_seen (at);

-- What is known of people. state: JSON, what they like and how tired of offers they are.
CREATE TABLE offer_user (
    id TEXT PRIMARY KEY,
    segment TEXT NOT NULL,
    state TEXT NOT NULL
);

-- What is known of each offer: how often people did what with it, what the learner makes of it (state, JSON), and what
-- happened of late (activity, JSON: the buckets of the trending windows).
CREATE TABLE offer_arm (
    offer_id TEXT PRIMARY KEY,
    views BIGINT NOT NULL,
    clicks BIGINT NOT NULL,
    carts BIGINT NOT NULL,
    redemptions BIGINT NOT NULL,
    dismissals BIGINT NOT NULL,
    state TEXT NOT NULL,
    activity TEXT NOT NULL
);
-- What the learner knows of all offers together: one row, JSON.
CREATE TABLE offer_learner (id BIGINT PRIMARY KEY, state TEXT NOT NULL);

-- Decisions in blocks: which offers were shown to whom, and with which chance. JSON.
CREATE TABLE offer_decision_block (
    id UUID PRIMARY KEY,
    last_id UUID NOT NULL,
    at BIGINT NOT NULL,
    count BIGINT NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX offer_decision_block_at ON offer_decision_block (at);

-- Experiments, the latest of which may be running (it has no end). arms: JSON, the control first.
CREATE TABLE offer_experiment (
    id UUID PRIMARY KEY,
    name TEXT NOT NULL,
    arms TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT
);

-- What the people of an experiment did while it was running: reports are computed from sums over people.
CREATE TABLE offer_experiment_user (
    experiment_id UUID NOT NULL,
    user_id TEXT NOT NULL,
    arm TEXT NOT NULL,
    views BIGINT NOT NULL,
    clicks BIGINT NOT NULL,
    redemptions BIGINT NOT NULL,
    PRIMARY KEY (experiment_id, user_id)
);
