CREATE VIEW totals AS
SELECT name, SUM(price) AS total FROM customers JOIN orders ON customer = id GROUP BY id;
