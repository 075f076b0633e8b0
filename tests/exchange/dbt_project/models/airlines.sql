select 'UA' as carrier
