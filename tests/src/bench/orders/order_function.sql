-- An order of two lines, complete, as one function and one transaction: the rows that the product writes for it.
-- It is given two things that the product does not allow itself: positions of events from a sequence, which leaves
-- gaps but never makes two orders wait for each other, and events whose content is copied instead of made.
CREATE SEQUENCE bench_position;

CREATE FUNCTION bench_id(now BIGINT) RETURNS UUID LANGUAGE sql VOLATILE AS $$
    -- Grows with time, as the product's ids do: milliseconds in the first six bytes.
    SELECT CAST(encode(overlay(uuid_send(gen_random_uuid()) PLACING substring(int8send(now / 1000) FROM 3) FROM 1 FOR 6), 'hex') AS UUID)
$$;

CREATE FUNCTION bench_order(smaller BIGINT, larger BIGINT) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    now BIGINT := CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT);
    this_order UUID := bench_id(now);
    this_payment UUID := bench_id(now);
    smaller_price BIGINT;
    larger_price BIGINT;
BEGIN
    -- Reserve; always the smaller product first, so that two orders cannot lock each other out.
    SELECT price_minor INTO STRICT smaller_price FROM product WHERE id = smaller AND active;
    SELECT price_minor INTO STRICT larger_price FROM product WHERE id = larger AND active;
    UPDATE stock_level SET reserved = reserved + 1
    WHERE place_id = 0 AND product_id = smaller AND on_hand - reserved >= 1;
    IF NOT FOUND THEN RAISE EXCEPTION 'product % is out', smaller; END IF;
    UPDATE stock_level SET reserved = reserved + 1
    WHERE place_id = 0 AND product_id = larger AND on_hand - reserved >= 1;
    IF NOT FOUND THEN RAISE EXCEPTION 'product % is out', larger; END IF;
    INSERT INTO orders (id, place_id, total_minor, state, cancelling, from_basket, payment_id, expires_at,
                        lease_owner, lease_until, created_at)
    VALUES (this_order, 0, smaller_price + larger_price, 'STOCK_RESERVE', false, false, this_payment, now + 900000000,
            this_order, now + 10000000, now);
    INSERT INTO order_line (order_id, product_id, quantity, unit_price_minor)
    VALUES (this_order, smaller, 1, smaller_price), (this_order, larger, 1, larger_price);
    INSERT INTO order_step (order_id, step, state, at)
    VALUES (this_order, 0, 'CREEE', now), (this_order, 1, 'STOCK_VERIFIE', now), (this_order, 2, 'STOCK_RESERVE', now);
    INSERT INTO payment (id, order_id, amount_minor, state, provider, created_at, updated_at)
    VALUES (this_payment, this_order, smaller_price + larger_price, 'EN_COURS', 'simulated', now, now);
    INSERT INTO event (position, kind, source, subject, at, data)
    VALUES (nextval('bench_position'), 'halles.stock.changed', '/retail', 'stock', now, repeat('x', {stock})),
           (nextval('bench_position'), 'halles.order.reserved', '/retail', CAST(this_order AS TEXT), now, repeat('x', {reserved}));
    -- Pay.
    INSERT INTO simulated_charge (payment_id, amount_minor, state, captured_minor, refunded_minor, at)
    VALUES (this_payment, smaller_price + larger_price, 'captured', smaller_price + larger_price, 0, now);
    -- Confirm.
    UPDATE orders SET state = 'CONFIRMEE', lease_until = NULL WHERE id = this_order AND state = 'STOCK_RESERVE';
    INSERT INTO order_step (order_id, step, state, at)
    VALUES (this_order, 3, 'PAYEE', now), (this_order, 4, 'CONFIRMEE', now);
    UPDATE payment SET state = 'CAPTURE', provider_reference = 'sim_' || this_payment, updated_at = now
    WHERE id = this_payment;
    UPDATE stock_level SET on_hand = on_hand - 1, reserved = reserved - 1 WHERE place_id = 0 AND product_id = smaller;
    UPDATE stock_level SET on_hand = on_hand - 1, reserved = reserved - 1 WHERE place_id = 0 AND product_id = larger;
    INSERT INTO event (position, kind, source, subject, at, data)
    VALUES (nextval('bench_position'), 'halles.stock.changed', '/retail', 'stock', now, repeat('x', {stock})),
           (nextval('bench_position'), 'halles.order.confirmed', '/retail', CAST(this_order AS TEXT), now, repeat('x', {confirmed}));
END
$$;
