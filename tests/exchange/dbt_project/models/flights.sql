select 1 as flight_id
