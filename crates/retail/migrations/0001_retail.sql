-- Stores, stock, sales, clients, baskets, orders, payments. Amounts are minor units of the chain's one currency;
-- instants are microseconds since 1970 (UTC); days are days of Europe/Paris since 1970-01-01.
CREATE TABLE chain (id BIGINT PRIMARY KEY, currency TEXT NOT NULL);

-- name_key is the name as people search for it: no accents, lower case.
CREATE TABLE product (
    id BIGINT PRIMARY KEY,
    ean13 TEXT,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT NOT NULL,
    category TEXT NOT NULL,
    price_minor BIGINT NOT NULL CHECK (price_minor >= 0),
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX product_ean13 ON product (ean13);

-- A file being imported. Its lines are staged in bounded chunks, published by one change of state, and from then
-- on moved to where they belong, again in chunks. While staged or published they hold their article numbers.
CREATE TABLE import_run (
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    line_count BIGINT NOT NULL,
    applied BIGINT NOT NULL,
    key_caller TEXT,
    key_name TEXT,
    lease_until BIGINT NOT NULL
);
CREATE TABLE import_line (
    import_id UUID NOT NULL,
    line BIGINT NOT NULL,
    place_id BIGINT,
    product_id BIGINT,
    ean13 TEXT,
    data TEXT NOT NULL,
    PRIMARY KEY (import_id, line)
);
CREATE INDEX import_line_ean13 ON import_line (ean13) WHERE ean13 IS NOT NULL;
CREATE INDEX import_line_slot ON import_line (place_id, product_id) WHERE place_id IS NOT NULL;

CREATE TABLE shop (
    id BIGINT PRIMARY KEY CHECK (id > 0),
    name TEXT NOT NULL,
    district TEXT NOT NULL,
    address TEXT,
    latitude DOUBLE PRECISION,
    longitude DOUBLE PRECISION,
    active BOOLEAN NOT NULL
);

-- Place 0 is the logistics centre, every other place is the shop of that id.
CREATE TABLE stock_level (
    place_id BIGINT NOT NULL,
    product_id BIGINT NOT NULL,
    initial BIGINT NOT NULL,
    on_hand BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    low BIGINT NOT NULL,
    reorder BIGINT NOT NULL,
    overstock BIGINT NOT NULL,
    PRIMARY KEY (place_id, product_id),
    CHECK (reserved >= 0 AND on_hand >= reserved)
);
CREATE INDEX stock_level_product ON stock_level (product_id);

-- Goods received at a place from outside.
CREATE TABLE receipt (
    id UUID PRIMARY KEY,
    place_id BIGINT NOT NULL,
    product_id BIGINT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    at BIGINT NOT NULL
);
CREATE INDEX receipt_product ON receipt (place_id, product_id);

-- Units found to be missing (negative) or too many; nothing else explains their coming or going.
CREATE TABLE stock_correction (
    id UUID PRIMARY KEY,
    place_id BIGINT NOT NULL,
    product_id BIGINT NOT NULL,
    delta BIGINT NOT NULL CHECK (delta <> 0),
    reason TEXT NOT NULL,
    reference TEXT NOT NULL,
    at BIGINT NOT NULL
);

CREATE TABLE reservation (
    reference TEXT PRIMARY KEY,
    place_id BIGINT NOT NULL,
    state TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX reservation_active ON reservation (expires_at) WHERE state = 'ACTIVE';
CREATE TABLE reservation_line (
    reference TEXT NOT NULL,
    product_id BIGINT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (reference, product_id)
);

CREATE TABLE sale (
    id UUID PRIMARY KEY,
    shop_id BIGINT NOT NULL,
    total_minor BIGINT NOT NULL,
    cashier TEXT,
    at BIGINT NOT NULL,
    day BIGINT NOT NULL
);
CREATE INDEX sale_shop ON sale (shop_id, at, id);
CREATE INDEX sale_day ON sale (day, shop_id, total_minor);
-- A line repeats its sale's shop and day, which never change: reports read the second index and nothing else.
CREATE TABLE sale_line (
    sale_id UUID NOT NULL,
    product_id BIGINT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    unit_price_minor BIGINT NOT NULL,
    shop_id BIGINT NOT NULL,
    day BIGINT NOT NULL,
    PRIMARY KEY (sale_id, product_id)
);
CREATE INDEX sale_line_day ON sale_line (day, shop_id, product_id, quantity, unit_price_minor);

CREATE TABLE replenishment (
    id UUID PRIMARY KEY,
    shop_id BIGINT NOT NULL,
    product_id BIGINT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    received_quantity BIGINT,
    state TEXT NOT NULL,
    reason TEXT,
    requested_by TEXT,
    requested_at BIGINT NOT NULL,
    decided_by TEXT,
    decided_at BIGINT,
    received_by TEXT,
    received_at BIGINT
);
CREATE INDEX replenishment_product ON replenishment (shop_id, product_id);
CREATE INDEX replenishment_state ON replenishment (state, id);

CREATE TABLE client (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT,
    email_folded TEXT,
    phone TEXT,
    address TEXT,
    created_at BIGINT NOT NULL,
    anonymised_at BIGINT
);
CREATE UNIQUE INDEX client_email ON client (email_folded);

CREATE TABLE basket_line (
    client_id BIGINT NOT NULL,
    product_id BIGINT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    added_at BIGINT NOT NULL,
    PRIMARY KEY (client_id, product_id)
);

-- lease_until is NULL when nothing is left to do; a worker takes over when it has passed.
CREATE TABLE orders (
    id UUID PRIMARY KEY,
    client_id BIGINT,
    place_id BIGINT NOT NULL,
    total_minor BIGINT NOT NULL,
    state TEXT NOT NULL,
    cancelling BOOLEAN NOT NULL,
    from_basket BOOLEAN NOT NULL,
    payment_id UUID,
    expires_at BIGINT NOT NULL,
    lease_owner UUID,
    lease_until BIGINT,
    key_caller TEXT,
    key_name TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX orders_unfinished ON orders (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX orders_client ON orders (client_id, id) WHERE client_id IS NOT NULL;
CREATE TABLE order_line (
    order_id UUID NOT NULL,
    product_id BIGINT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    unit_price_minor BIGINT NOT NULL,
    PRIMARY KEY (order_id, product_id)
);
CREATE TABLE order_step (
    order_id UUID NOT NULL,
    step BIGINT NOT NULL,
    state TEXT NOT NULL,
    at BIGINT NOT NULL,
    detail TEXT,
    PRIMARY KEY (order_id, step)
);

CREATE TABLE payment (
    id UUID PRIMARY KEY,
    order_id UUID,
    reference TEXT,
    amount_minor BIGINT NOT NULL,
    state TEXT NOT NULL,
    provider TEXT NOT NULL,
    provider_reference TEXT,
    reason TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    lease_until BIGINT
);
CREATE UNIQUE INDEX payment_reference ON payment (reference) WHERE reference IS NOT NULL;
CREATE INDEX payment_unfinished ON payment (lease_until) WHERE lease_until IS NOT NULL;

-- The payment simulator's own ledger: an outside party that happens to live in the same database.
CREATE TABLE simulated_charge (
    payment_id UUID PRIMARY KEY,
    amount_minor BIGINT NOT NULL,
    state TEXT NOT NULL,
    captured_minor BIGINT NOT NULL,
    refunded_minor BIGINT NOT NULL,
    at BIGINT NOT NULL
);

-- How far the demonstration data has been loaded; without a row there is none.
CREATE TABLE demo (
    id BIGINT PRIMARY KEY,
    day BIGINT NOT NULL,
    done BIGINT NOT NULL,
    steps BIGINT NOT NULL
);
