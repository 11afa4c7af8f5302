"""Runs the migrations on the database that the product itself would use (settings: DATABASE_URL or Cloud SQL)."""

from alembic import context

from shared.cloud.clients import make_engine


def run() -> None:
    """Apply the asked-for versions, each in one transaction, and give up soon where a lock is in the way."""
    engine = make_engine()
    with engine.connect() as connection:
        connection.exec_driver_sql("SET lock_timeout = '4s'")
        connection.exec_driver_sql("SET statement_timeout = '60s'")
        connection.commit()
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
