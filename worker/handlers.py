"""Which step does which kind of job. A test sees to it that every kind has one."""

from collections.abc import Callable

from models.steps.alerts import run_alerts
from models.steps.batch import run_batch_predict
from models.steps.deliver import run_deliver
from models.steps.embed import run_embed
from models.steps.export import run_export
from models.steps.ingest import run_import
from models.steps.mail import run_mail
from models.steps.maintain import run_maintain
from models.steps.queue import run_queue
from models.steps.register import run_register
from models.steps.reproduce import run_reproduce
from models.steps.score import run_score
from models.steps.train import run_train
from models.vocabulary import Job
from models.work import Work

HANDLERS: dict[Job, Callable[[Work], None]] = {
    Job.IMPORT: run_import,
    Job.EMBED: run_embed,
    Job.SCORE: run_score,
    Job.QUEUE: run_queue,
    Job.TRAIN: run_train,
    Job.REGISTER: run_register,
    Job.REPRODUCE: run_reproduce,
    Job.BATCH_PREDICT: run_batch_predict,
    Job.EXPORT: run_export,
    Job.DELIVER: run_deliver,
    Job.MAINTAIN: run_maintain,
    Job.ALERTS: run_alerts,
    Job.MAIL: run_mail,
}
