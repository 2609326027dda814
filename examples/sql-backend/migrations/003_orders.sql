INSERT INTO orders (customer, price) VALUES (1, 12.5), (2, 40.0), (1, 20.0), (3, 8.0), (2, 3.5);
